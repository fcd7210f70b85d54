"""Who may change what: many may add to the files of a day, one may put them together."""

from __future__ import annotations

from datetime import date

from django.db import connection

TAKE = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))"
SHARE = "SELECT pg_advisory_xact_lock_shared(hashtextextended(%s, 0))"


def take(what: str, type_: str, day: date) -> None:
    """Wait until nobody else holds it, and hold it alone until the transaction ends."""
    _lock(TAKE, what, type_, day)


def share(what: str, type_: str, day: date) -> None:
    """Wait until nobody holds it alone, and hold it with others until the transaction ends."""
    _lock(SHARE, what, type_, day)


def confirm() -> None:
    """Raise `OperationalError` unless the transaction, and with it what it holds, is still there.

    Postgres ends one that was left idle, as that of a stopped process, and others go on.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def _lock(statement: str, what: str, type_: str, day: date) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, [f"lake {what} {type_} {day}"])
