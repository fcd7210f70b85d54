"""Postgres as Django's database engine, `wildrydes.postgres`, and what only this engine can do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import orjson
from django.core.exceptions import ImproperlyConfigured
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.utils import CursorWrapper

from wildrydes.postgres.base import DatabaseWrapper


def here() -> DatabaseWrapper:
    """Return this thread's connection. Raises `ImproperlyConfigured` for that of another engine."""
    found = connections[DEFAULT_DB_ALIAS]
    if isinstance(found, DatabaseWrapper):
        return found
    engine = found.settings_dict["ENGINE"]
    raise ImproperlyConfigured(
        f"DATABASES['default']['ENGINE'] is {engine!r} and must be 'wildrydes.postgres'"
    )


def driver_parameters() -> dict[str, Any]:
    """Return what the driver alone needs for another connection to the same database."""
    parameters: dict[str, Any] = here().get_connection_params()
    for name in ("cursor_factory", "context", "pool"):
        parameters.pop(name, None)
    return parameters


def ask(statement: str, parameters: Sequence[Any]) -> CursorWrapper:
    """Run one readable statement together with what was said before it; return its cursor.

    Several with `;` between them go together too, and the cursor has a set of rows for each.
    Statements of others go by Django's cursors, alone: one that Postgres cannot read keeps it from
    carrying out all that travels with it.
    """
    return here().ask(statement, parameters)


def say(statement: str, parameters: Sequence[Any], *, often: bool = False) -> None:
    """Run one readable statement whose result nobody waits for: in a transaction with the next.

    What is wrong with it is raised by the next statement, or the end of the innermost block. Where
    the same is said `often`, with a tuple of hashable parameters, its text is written once; equal
    parameters must mean the same.
    """
    here().say(statement, parameters, often=often)


def array(values: Sequence[UUID] | Sequence[int]) -> str:
    """Return a Postgres array of what looks in JSON as it does there; psycopg takes much longer."""
    return f"{{{orjson.dumps(values).decode()[1:-1]}}}"
