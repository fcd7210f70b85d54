"""Statements that go together: what nobody waits for travels with what comes next.

In a transaction its beginning, those of savepoints, and whatever is said without waiting for a
result are kept back, and put before the next statement that somebody waits for, or before the end
of the block. The server carries them out one after the other, in one round trip for all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import psycopg
from django.db.backends.postgresql import base

COMMIT = "COMMIT"


class Unsent:
    """What was said in the innermost block and is not sent yet, in order.

    `bounds` are beginnings and ends of blocks; nothing is lost with a block that they leave empty.
    What is said comes after all of them.
    """

    def __init__(self) -> None:
        self._bounds: list[str] = []
        self._said: list[str] = []

    def __bool__(self) -> bool:
        return bool(self._bounds or self._said)

    @property
    def says_something(self) -> bool:
        """Say whether there is more than beginnings and ends."""
        return bool(self._said)

    def begin_or_end(self, bound: str) -> None:
        """Keep back a beginning or an end. Nothing may have been said that is not sent."""
        self._bounds.append(bound)

    def say(self, statement: str) -> None:
        """Keep back a statement."""
        self._said.append(statement)

    def take_back(self, beginning: str) -> bool:
        """Forget a beginning with all that came after it; say whether it was still here."""
        if beginning not in self._bounds:
            return False
        del self._bounds[self._bounds.index(beginning) :]
        self._said.clear()
        return True

    def forget(self) -> None:
        """Forget everything."""
        self._bounds.clear()
        self._said.clear()

    def take(self) -> Sequence[str]:
        """Return everything, to be sent at once, and forget it."""
        statements = (*self._bounds, *self._said)
        self.forget()
        return statements


class Cursor(base.CursorMixin, psycopg.ClientCursor[Any]):
    """Django's cursor, which takes along what is unsent; the result is that of its statement."""

    unsent: Unsent | None = None

    def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
        """Run a statement after those that were said before it."""
        if not self.unsent:
            return super().execute(query, params, **options)
        text = self.mogrify(query, params)
        before = self.unsent.take()
        super().execute(in_one(*before, text).encode(), **options)
        for _ in before:
            self.nextset()
        return self

    def executemany(self, query: Any, params_seq: Any, **options: Any) -> None:
        """Run a statement many times, after what was said before it."""
        self._send_first()
        super().executemany(query, params_seq, **options)

    def copy(self, statement: Any, params: Any = None, **options: Any) -> Any:
        """Begin to copy, after what was said before it."""
        self._send_first()
        return super().copy(statement, params, **options)

    def stream(self, query: Any, params: Any = None, **options: Any) -> Any:
        """Run a statement and yield its rows, after what was said before it."""
        self._send_first()
        return super().stream(query, params, **options)

    def _send_first(self) -> None:
        if self.unsent:
            super().execute(in_one(*self.unsent.take()).encode())


def in_one(*statements: str) -> str:
    """Return one text of all the statements, none of which may hold another."""
    return "\n;".join(statements)
