"""Statements that go together: what nobody waits for travels with what comes next.

In a transaction its beginning, those of savepoints, and whatever is said without waiting for a
result are kept back, and put before the next statement of ours that somebody waits for, or before
the end of the block. The server carries them out one after the other, in one round trip for all of
them; but a text in which anything cannot be read it does not begin. So the words of others travel
alone, and what was under way when something failed counts as lost until its block is undone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
import psycopg.errors
from django.db.backends.postgresql import base
from psycopg.client_cursor import ClientCursorMixin

COMMIT = "COMMIT"
BROKEN = "a statement of this transaction has failed, and nothing of it can be committed"


class Unsent:
    """What was said in the innermost block and is not sent yet, in order.

    `bounds` are beginnings and ends of blocks; nothing is lost with a block that they leave empty.
    What is said comes after all of them.
    """

    def __init__(self) -> None:
        self._bounds: list[str] = []
        self._said: list[str] = []
        self._is_lost = False

    def __bool__(self) -> bool:
        return bool(self._bounds or self._said)

    @property
    def says_something(self) -> bool:
        """Say whether there is more than beginnings and ends."""
        return bool(self._said)

    def begin_anew(self, *bounds: str) -> None:
        """Forget everything; go on with these beginnings."""
        self._bounds, self._said, self._is_lost = list(bounds), [], False

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

    def refuse_if_lost(self) -> None:
        """Raise the driver's error where something was sent and may not have been carried out."""
        if self._is_lost:
            raise psycopg.errors.InFailedSqlTransaction(BROKEN)

    @contextmanager
    def under_way(self) -> Iterator[Sequence[str]]:
        """Hand out everything, to be sent in the block. If that fails it is lost."""
        self.refuse_if_lost()
        statements = (*self._bounds, *self._said)
        self._is_lost = bool(statements)
        self._bounds.clear()
        self._said.clear()
        yield statements
        self._is_lost = False


class Ours(str):
    """Text that is known to be readable, and may travel with other statements.

    One statement, or several whose results are all fetched: only those before it are passed over.
    """

    __slots__ = ()


class Cursor(base.CursorMixin, psycopg.ClientCursor[Any]):
    """Django's cursor, which first sends what is unsent, or takes it along."""

    unsent = Unsent()
    send_first: Callable[[], None] = staticmethod(lambda: None)

    def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
        """Run a statement after what was said before it; the result is its own."""
        if not isinstance(query, Ours):
            self.send_first()
            return super().execute(query, params, **options)
        text = self.mogrify(query, params)
        with self.unsent.under_way() as before:
            super().execute(in_one(*before, text).encode(), **options)
        for _ in before:
            self.nextset()
        return self

    def executemany(self, query: Any, params_seq: Any, **options: Any) -> None:
        """Run a statement many times, after what was said before it."""
        self.send_first()
        super().executemany(query, params_seq, **options)

    def copy(self, statement: Any, params: Any = None, **options: Any) -> Any:
        """Begin to copy, after what was said before it."""
        self.send_first()
        return super().copy(statement, params, **options)

    def stream(self, query: Any, params: Any = None, **options: Any) -> Any:
        """Run a statement and yield its rows, after what was said before it."""
        self.send_first()
        return super().stream(query, params, **options)


class ServerSideCursor(base.CursorMixin, ClientCursorMixin[Any, Any], psycopg.ServerCursor[Any]):
    """Django's cursor of the server, which first sends what is unsent."""

    send_first: Callable[[], None] = staticmethod(lambda: None)

    def execute(self, query: Any, params: Any = None, **options: Any) -> Any:
        """Open the cursor on a statement, after what was said before it."""
        self.send_first()
        return super().execute(query, params, **options)


def in_one(*statements: str) -> str:
    """Return one text of all the statements. Of those before the last none may hold another."""
    return "\n;".join(statements)
