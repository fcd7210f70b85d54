"""Statements that are the same for every request: Postgres plans them once a connection.

Guarantee: they run on Django's current connection, inside its transaction, and their errors are
Django's.
Does not guarantee: that Django's query log or execute wrappers see them.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import psycopg
from django.db import connection, models
from psycopg.types.json import Jsonb

Row = tuple[Any, ...]


def execute(statement: str, parameters: Sequence[Any]) -> psycopg.Cursor[Row]:
    """Run a statement whose text never changes; return the cursor with its result."""
    connection.close_if_health_check_failed()
    connection.ensure_connection()
    connection.validate_no_broken_transaction()
    with connection.wrap_database_errors:
        cursor = psycopg.Cursor(connection.connection)
        return cursor.execute(statement, parameters, prepare=True)  # type: ignore[call-overload]


def insert(row: models.Model) -> None:
    """Insert one new row as it stands; what the database generates is not read back.

    Attributes have the Python types of their fields. No signal is sent.
    """
    model = type(row)
    execute(_insert_into(model), [_value(row, field) for field in _given(model)])
    row._state.adding = False


@cache
def _given(model: type[models.Model]) -> Sequence[models.Field[Any, Any]]:
    """Return the fields that a new row brings along, the others are left to the database."""
    return [
        field
        for field in model._meta.concrete_fields
        if not isinstance(field, models.AutoField | models.BigAutoField)
        and not field.has_db_default()
    ]


@cache
def _insert_into(model: type[models.Model]) -> str:
    columns = ", ".join(f'"{field.column}"' for field in _given(model))
    values = ", ".join("%s" for _ in _given(model))
    return f'INSERT INTO "{model._meta.db_table}" ({columns}) VALUES ({values})'  # noqa: S608


def _value(row: models.Model, field: models.Field[Any, Any]) -> Any:
    value = getattr(row, field.attname)
    return Jsonb(value) if isinstance(field, models.JSONField) and value is not None else value
