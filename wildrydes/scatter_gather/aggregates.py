"""Aggregator: what a gathering makes of the responses, and which of them it believes.

Source: Hohpe and Woolf, Aggregator.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wildrydes.errors import ConfigurationError
from wildrydes.outgoing import Body
from wildrydes.scatter_gather.rows import Entry, Question

Aggregate = Callable[[Question, Sequence[Entry]], Body]
Check = Callable[[Question, str, Mapping[str, Any]], Mapping[str, Any]]


@dataclass(frozen=True)
class Gathering:
    """The aggregate function of a gathering, and its check of each answer's data."""

    name: str
    aggregate: Aggregate
    check: Check | None = None


_gatherings: dict[str, Gathering] = {}


def add(new: Gathering) -> None:
    """Keep a gathering, under its subscription's name."""
    _gatherings[new.name] = new


def gathering(name: str) -> Gathering:
    """Return the gathering of that name; raises `ConfigurationError` when none is bound."""
    try:
        return _gatherings[name]
    except KeyError:
        raise ConfigurationError(f"no aggregate is bound to {name!r}") from None


def gatherings() -> tuple[Gathering, ...]:
    """Return every gathering of the installed services."""
    return tuple(_gatherings.values())
