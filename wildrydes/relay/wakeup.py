"""How the relay is woken: LISTEN/NOTIFY, with a poll behind it for what nobody announces."""

from __future__ import annotations

import psycopg
from django.db import connection

from wildrydes import postgres

CHANNEL = "wildrydes_relay"


def notify() -> None:
    """Wake the relays of this database when the current transaction commits."""
    with connection.cursor() as cursor:
        cursor.execute(f"NOTIFY {CHANNEL}")


class Wakeups:
    """A connection that listens. Notifications that came before `wait` was called are not lost."""

    def __init__(self) -> None:
        self._connection: psycopg.Connection[tuple[object, ...]] | None = None

    def wait(self, *, seconds: float) -> bool:
        """Return at the next notification, or when the time is over; say whether one was there.

        Raises `psycopg.OperationalError` when Postgres is away; the next call connects anew.
        """
        try:
            listening = self._listening()
            if _take_all(listening):
                return True
            for _ in listening.notifies(timeout=seconds, stop_after=1):
                pass
            _take_all(listening)
            return False
        except psycopg.Error:
            self.close()
            raise

    def close(self) -> None:
        """Stop listening."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _listening(self) -> psycopg.Connection[tuple[object, ...]]:
        if self._connection is None:
            parameters = postgres.driver_parameters()
            self._connection = psycopg.Connection.connect(**parameters, autocommit=True)
            self._connection.execute(f"LISTEN {CHANNEL}")
        return self._connection


def _take_all(listening: psycopg.Connection[tuple[object, ...]]) -> bool:
    return bool(list(listening.notifies(timeout=0)))
