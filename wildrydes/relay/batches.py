"""How messages are shared out to Celery messages: as many together as bounds allow."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol, TypeVar


class Weighed(Protocol):
    """Anything with a number of messages and of bytes."""

    @property
    def size(self) -> int:
        """Return how many messages it is."""

    @property
    def weight(self) -> int:
        """Return about how many bytes it is."""


T = TypeVar("T", bound=Weighed)


@dataclass(frozen=True)
class Bounds:
    """What one batch may hold. A single item that is heavier travels alone."""

    items: int
    size: int


def split(items: Iterable[T], *, bounds: Bounds) -> Iterator[list[T]]:
    """Yield the items in order, in lists that keep within the bounds and are as few as that allows.

    An item that is too large for the bounds by itself makes a list of its own.
    """
    batch: list[T] = []
    count = weight = 0
    for item in items:
        full = count + item.size > bounds.items or weight + item.weight > bounds.size
        if batch and full:
            yield batch
            batch, count, weight = [], 0, 0
        batch.append(item)
        count += item.size
        weight += item.weight
    if batch:
        yield batch
