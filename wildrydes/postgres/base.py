"""Django's backend for Postgres, with fewer round trips.

Guarantee: a connection that the server has ended, or that was not used for `IDLE_SECONDS`, is
asked for a sign of life before a request or task uses it, and replaced when it gives none. Who
waits for a statement has heard of every failure of those said before it, and a block is left, or
committed, only when everything said in it has been carried out.
Does not guarantee: anything of a connection that ends while it is used; that is an error, after
which Django asks anyway. Nor that a failure of what is said is raised where it was said. Who
catches it too far inside, where the beginning of another block raises it, hears of it at the end.
"""

from __future__ import annotations

import re
import select
import time
from collections.abc import Callable, MutableMapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from itertools import count
from typing import Any
from weakref import WeakKeyDictionary

import psycopg
from django.db.backends.postgresql import base
from django.db.backends.utils import CursorWrapper, debug_transaction
from psycopg.abc import Buffer
from psycopg.pq import TransactionStatus
from psycopg.types.datetime import TimestamptzLoader

from wildrydes.postgres.unsent import (
    BROKEN,
    COMMIT,
    Cursor,
    Ours,
    ServerSideCursor,
    Unsent,
    in_one,
)

IDLE_SECONDS = 5.0
FORGET_PLANS = "DISCARD PLANS"
PLANS_LAST_SECONDS = 1.0  # then Postgres looks anew how large the tables are
TEXTS_KEPT = 1_000
PLACEHOLDER = re.compile("%(.)")
NUMBERS = count(1)


class MomentLoader(TimestamptzLoader):
    """Reads a time in a fifth of the time that Django's own loader takes.

    It is in UTC, unless the session was told another zone; then it is the same moment in that one.
    What Python cannot read, such as a time before Christ, is left to the driver, and its error.
    """

    timezone = UTC  # what Django looks at, to see whether the loader is the right one

    def load(self, data: Buffer) -> datetime:
        """Return the time that Postgres has written."""
        try:
            return datetime.fromisoformat(bytes(data).decode())
        except ValueError:
            return super().load(data)


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection that looks at its socket before it is used again, and says things together.

    When the server ends a connection it says so, and closes it: there is something to read where
    nothing was asked. Where there is nothing, and a moment ago an answer came, a question would
    cost a round trip for each request and tell nothing new.

    For the driver the connection is in autocommit: transactions begin with our own words.
    """

    health_check_enabled: bool
    health_check_done: bool
    isolation_level: psycopg.IsolationLevel
    _scribe: psycopg.ClientCursor[Any]
    _written_before: Callable[[str, Any], str]
    _used_at = 0.0
    _plans_since = 0.0

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._unsent = Unsent()
        self._planned: MutableMapping[Any, dict[str, str]] = WeakKeyDictionary()

    def connect(self) -> None:
        """Connect, and note when."""
        super().connect()
        self._used_at = self._plans_since = time.monotonic()

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Return a connection of the driver that makes our cursors and begins nothing by itself."""
        made = super().get_new_connection({**conn_params, "autocommit": True})
        made.cursor_factory = Cursor
        made.prepare_threshold = None  # our cursors prepare nothing, and the driver need not count
        if self.timezone is MomentLoader.timezone:
            made.adapters.register_loader("timestamptz", MomentLoader)
        self._scribe = psycopg.ClientCursor(made)
        self._written_before = lru_cache(maxsize=TEXTS_KEPT)(self._scribe.mogrify)
        return made

    def create_cursor(self, name: str | None = None) -> Any:
        """Return a cursor of the driver, or of the server, if it has a name."""
        if name:
            cursor: Any = ServerSideCursor(
                self.connection, name=name, scrollable=False, withhold=self.autocommit
            )
        else:
            cursor = super().create_cursor()
            cursor.unsent = self._unsent
        cursor.send_first = self._send_first
        return cursor

    def ask(self, statement: str, parameters: Sequence[Any]) -> CursorWrapper:
        """Run one statement of our own, together with what is unsent; return its cursor."""
        cursor: CursorWrapper = self.cursor()
        cursor.execute(Ours(statement), parameters)
        return cursor

    def say(self, statement: str, parameters: Sequence[Any], *, often: bool = False) -> None:
        """Run one statement whose result nobody waits for: in a transaction with the next one.

        Where the same is said `often`, with a tuple of hashable parameters, its text is written
        once. Parameters that are equal, as 1 and True are, must mean the same.
        """
        if self.get_autocommit():
            self.ask(statement, parameters).close()
            return
        self.validate_thread_sharing()
        self.validate_no_broken_transaction()
        with self.wrap_database_errors:
            write = self._written_before if often else self._scribe.mogrify
            text = write(statement, parameters)
            self._unsent.say(text)
        if self.queries_logged:
            self.queries_log.append({"sql": text, "time": "0.000"})

    def planned_once(self, statement: str) -> str:
        """Return what to run in place of a statement that this connection knows by a plan.

        The statement itself where `prepare_threshold` of the database's options is None.
        """
        if self.settings_dict["OPTIONS"].get("prepare_threshold") is None:
            return statement
        self.close_if_health_check_failed()
        self.ensure_connection()
        known = self._planned.setdefault(self.connection, {})
        if time.monotonic() - self._plans_since > PLANS_LAST_SECONDS:
            self._forget_plans()
        return known.get(statement) or self._plan(statement, known)

    def close_if_health_check_failed(self) -> None:
        """Close a connection that is due to be checked and does not work."""
        if self.connection is None or not self.health_check_enabled or self.health_check_done:
            return
        idle = time.monotonic() - self._used_at
        if idle < IDLE_SECONDS and self._is_quiet():
            self.health_check_done = True
        else:
            super().close_if_health_check_failed()
        self._used_at = time.monotonic()

    def _forget_plans(self) -> None:
        """Have Postgres plan everything anew, which in a transaction goes with what comes next."""
        if self.get_autocommit():
            with self.wrap_database_errors:
                self._send(FORGET_PLANS)
        else:
            self._unsent.say(FORGET_PLANS)
        self._plans_since = time.monotonic()

    def _plan(self, statement: str, known: dict[str, str]) -> str:
        numbers = count(1)
        text = PLACEHOLDER.sub(lambda m: f"${next(numbers)}" if m[1] == "s" else m[1], statement)
        name = f"planned_{next(NUMBERS)}"
        with self.wrap_database_errors:
            self._send(f"PREPARE {name} AS {text}")
        given = ", ".join(["%s"] * (next(numbers) - 1))
        known[statement] = f"EXECUTE {name} ({given})" if given else f"EXECUTE {name}"
        return known[statement]

    def _set_autocommit(self, autocommit: bool) -> None:
        if autocommit and self._status != TransactionStatus.IDLE:
            with self.wrap_database_errors:
                self.connection.autocommit = autocommit  # the driver refuses, and says why
        self._begin_anew(autocommit=autocommit)

    def _begin_anew(self, *, autocommit: bool) -> None:
        """Forget what is unsent; where nothing is committed by itself, a transaction begins."""
        self._unsent.begin_anew()
        if not autocommit:
            level = self.isolation_level.name.replace("_", " ")
            is_given = "isolation_level" in self.settings_dict["OPTIONS"]
            self._unsent.begin_or_end(f"BEGIN ISOLATION LEVEL {level}" if is_given else "BEGIN")

    def _commit(self) -> None:
        if self.connection is None:
            return
        with debug_transaction(self, COMMIT), self.wrap_database_errors:
            self._refuse_if_broken()
            if self._unsent.says_something:
                self._send(COMMIT)
            else:
                self.connection.commit()
        self._begin_anew(autocommit=self.autocommit)

    def _rollback(self) -> None:
        if self.connection is None:
            return
        self._begin_anew(autocommit=self.autocommit)
        super()._rollback()  # type: ignore[misc]  # not in the stubs

    def _savepoint(self, sid: str) -> None:
        """Begin a block. What was said before it fails outside of it, if at all."""
        with self.wrap_database_errors:
            if self._unsent.says_something:
                self._send()
            self._refuse_if_broken()
        self._unsent.begin_or_end(self.ops.savepoint_create_sql(sid))

    def _savepoint_commit(self, sid: str) -> None:
        """Leave a block, once everything said in it has been carried out and nothing is broken."""
        end = self.ops.savepoint_commit_sql(sid)
        with self.wrap_database_errors:
            self._refuse_if_broken()
            if self._unsent.says_something:
                self._send(end)
                return
        if not self._unsent.take_back(self.ops.savepoint_create_sql(sid)):
            self._unsent.begin_or_end(end)

    def _savepoint_rollback(self, sid: str) -> None:
        """Undo a block and begin it again, as Django expects."""
        beginning = self.ops.savepoint_create_sql(sid)
        if self._unsent.take_back(beginning):
            self._unsent.begin_or_end(beginning)
        else:
            self._unsent.begin_anew(self.ops.savepoint_rollback_sql(sid))
            with self.wrap_database_errors:
                self._send()

    @property
    def _status(self) -> TransactionStatus:
        """Return how the transaction stands, as the server said last."""
        return TransactionStatus(self.connection.pgconn.transaction_status)

    def _refuse_if_broken(self) -> None:
        self._unsent.refuse_if_lost()
        if self._status == TransactionStatus.INERROR:
            raise psycopg.errors.InFailedSqlTransaction(BROKEN)

    def _send_first(self) -> None:
        with self.wrap_database_errors:
            self._unsent.refuse_if_lost()
            if self._unsent:
                self._send()

    def _send(self, *more: str) -> None:
        """Send what is unsent, and these; wait until it is carried out."""
        with self._unsent.under_way() as statements:
            text = in_one(*statements, *more).encode()
            self._scribe.execute(text)

    def _is_quiet(self) -> bool:
        if self.connection.closed:
            return False
        poll = select.poll()
        poll.register(self.connection.fileno(), select.POLLIN)
        return not poll.poll(0)
