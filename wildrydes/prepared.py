"""Statements that are the same every time: Postgres plans them once a second and connection.

A plan that is kept for longer might be from when a table was small, and read all of it.

Guarantee: they run on Django's current connection, inside its transaction, and their errors are
Django's.
Does not guarantee: that they are planned once where `prepare_threshold` of the database's options
is None; then they are statements like any other.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from typing import Any

import orjson
from django.db import connection, models
from django.db.backends.utils import CursorWrapper

from wildrydes import postgres


def execute(statement: str, parameters: Sequence[Any]) -> CursorWrapper:
    """Run a statement whose text never changes; return the cursor with its result."""
    return postgres.ask(postgres.here().planned_once(statement), parameters)


def execute_together(*asked: tuple[str, Sequence[Any]]) -> CursorWrapper:
    """Run such statements in one round trip; the cursor has a set of rows for each, in order."""
    planned = ";".join(postgres.here().planned_once(statement) for statement, _ in asked)
    return postgres.ask(planned, [value for _, parameters in asked for value in parameters])


def say(statement: str, parameters: Sequence[Any], *, often: bool = False) -> None:
    """Run a statement whose text never changes and whose result nobody waits for.

    `often`, and what is wrong with it, as in `postgres.say`.
    """
    postgres.say(postgres.here().planned_once(statement), parameters, often=often)


def insert(rows: Sequence[models.Model]) -> None:
    """Insert new rows of one model in one statement, in order, however many they are.

    Attributes have the Python types of their fields. What the database itself generates, keys and
    defaults, is left to it and not read back. No signal is sent. Nobody waits for it: what is wrong
    with the rows is raised as `postgres.say` does.
    """
    if not rows:
        return
    model = type(rows[0])
    fields = _given(model)
    given = orjson.dumps([_values(row, fields) for row in rows], default=str)
    say(_insert_into(model), [given.decode()])
    for row in rows:
        row._state.adding = False


@cache
def _given(model: type[models.Model]) -> Sequence[tuple[str, bool]]:
    """Return the attributes that a new row brings along, and whether each is JSON."""
    return [(field.attname, isinstance(field, models.JSONField)) for field in _fields(model)]


def _fields(model: type[models.Model]) -> list[models.Field[Any, Any]]:
    return [
        field
        for field in model._meta.concrete_fields
        if not isinstance(field, models.AutoField) and not field.has_db_default()
    ]


@cache
def _insert_into(model: type[models.Model]) -> str:
    """Return the statement. All rows are one parameter, so that its text is the same for all."""
    quote = connection.ops.quote_name
    columns = ", ".join(quote(str(field.column)) for field in _fields(model))
    names = ", ".join(f"given.{quote(field.attname)}" for field in _fields(model))
    types = ", ".join(
        f"{quote(field.attname)} {field.db_type(connection)}" for field in _fields(model)
    )
    return (
        f"INSERT INTO {quote(model._meta.db_table)} ({columns})"  # noqa: S608
        f" SELECT {names} FROM json_to_recordset(%s::json) AS given ({types})"
    )


def _values(row: models.Model, fields: Sequence[tuple[str, bool]]) -> dict[str, Any]:
    """Return a row as a JSON object. What JSON cannot say, such as NaN, Postgres refuses."""
    values = row.__dict__
    return {
        name: orjson.Fragment(json.dumps(values[name])) if is_json else values[name]
        for name, is_json in fields
    }
