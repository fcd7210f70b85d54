"""What the peers' tasks do, and what fills the log of Wild Rydes before a drain."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from uuid import UUID

from bench.service.models import Effect


def record(*, subscriber: str, event_id: str, customer: str, amount: str) -> None:
    """Keep one effect in one statement and one commit. Safe to call twice."""
    effect = Effect(
        event_id=UUID(event_id), subscriber=subscriber, customer=customer, amount=Decimal(amount)
    )
    Effect.objects.bulk_create([effect], ignore_conflicts=True)


def event_id_of(number: int) -> UUID:
    """Return the id under which a peer's ride with this primary key is known to its tasks."""
    return UUID(int=number)


def in_chunks(count: int, *, size: int) -> Iterator[range]:
    """Yield ranges that together are `range(count)`."""
    for start in range(0, count, size):
        yield range(start, min(start + size, count))
