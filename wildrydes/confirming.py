"""Confirm, in the transaction that acts, what was taken for granted before it.

To ask first costs a round trip; to take it for granted, and have the transaction fail where it is
not so, costs a statement that travels with the others.

Guarantee: a transaction in which `confirm` was called commits only where the assumption holds, as
the database knew at that statement.
Does not guarantee: anything where `confirm` is not called; whoever assumes looks at `was_said`.
Source: Kung and Robinson, On Optimistic Methods for Concurrency Control.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from wildrydes import prepared

IS_NOT_SO = "WR001"


@dataclass
class Assumption:
    """A statement that fails with the SQLSTATE `IS_NOT_SO` where the assumption does not hold."""

    statement: str
    parameters: tuple[Hashable, ...]
    was_said: bool = False


_current: ContextVar[Assumption | None] = ContextVar("wildrydes_assumption", default=None)


@contextmanager
def nothing_assumed() -> Iterator[None]:
    """Assume nothing at the beginning of the block, and afterwards what was assumed before."""
    token = _current.set(None)
    try:
        yield
    finally:
        _current.reset(token)


def assume(assumption: Assumption | None) -> None:
    """Have `confirm` confirm this from now on. Must be called inside `nothing_assumed`."""
    _current.set(assumption)


def confirm() -> None:
    """Confirm what is assumed, if anything. Must be called inside the transaction that acts, first.

    Nobody waits for it: what is not so is raised as `prepared.say` does.
    """
    assumption = _current.get()
    if assumption is not None:
        prepared.say(assumption.statement, assumption.parameters, often=True)
        assumption.was_said = True


def says_not_so(error: BaseException) -> bool:
    """Say whether an error of Django's database means that an assumption does not hold."""
    return getattr(error.__cause__, "sqlstate", None) == IS_NOT_SO
