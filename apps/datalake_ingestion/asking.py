"""Questions to the lake, in SQL.

Guarantee: a question sees each event that is in the lake once, whatever compaction is at meanwhile,
and changes nothing: it sees no file but the lake's, and its own database is in memory.
Does not guarantee: events that are still on their way to the lake.

`events` has every row, `data` as JSON. Each type has a view that is named like it, without its
version: `v1.ride.completed` and `v2.ride.completed` are both in `ride_completed`. It has a column
for each field of `data` that any version has; what a version does not have is null. A field that
is named like a column of the envelope is `data_…`; what differs in kind between rows is JSON.
"""

from __future__ import annotations

import itertools
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from apps.datalake_ingestion import parquet, queries
from apps.datalake_ingestion.lake import Lake

if TYPE_CHECKING:
    import duckdb

MOST_TRIES = 5
READING = ("SELECT", "EXPLAIN", "MULTI")
VERSION = re.compile(r"^v(\d+)\.")
SEALED = (
    "SET TimeZone = 'UTC'",
    "SET python_enable_replacements = false",
    "SET enable_external_access = false",
    "SET lock_configuration = true",
)
ENVELOPE = (
    *("id", "type", "version", "source", "subject", "time", "day"),
    *("correlation_id", "causation_id", "data"),
)
ROWS = """
CREATE VIEW "{name}" AS SELECT id, type, kind,
    TRY_CAST(regexp_extract(type, '^v(\\d+)', 1) AS INTEGER) AS version,
    source, subject, time, time::DATE AS day, correlation_id, causation_id, data::JSON AS data
FROM "{files}"
"""
STRUCTURE = 'SELECT json_group_structure(data)::VARCHAR FROM "{rows}"'
FIELDS = """
CREATE VIEW "{name}" AS SELECT {columns} FROM (
    SELECT {envelope}, json_transform(data, {structure}) AS fields FROM "{rows}"
)
"""


class QuestionError(Exception):
    """The lake cannot be asked that; the text says why."""


@dataclass(frozen=True)
class Answer:
    """The columns' names, and the rows."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]

    def as_dicts(self) -> list[dict[str, Any]]:
        """Return each row by its columns' names."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


def ask(sql: str, *, lake: Lake, parameters: Sequence[Any] = ()) -> Answer:
    """Return what the lake answers to one SELECT. Raises `QuestionError`, in DuckDB's words.

    When a file is gone because compaction has put another in its place meanwhile, it is asked anew.
    """
    import duckdb  # noqa: PLC0415 - slow to load, and large: only those who ask pay

    paths = _paths(lake)
    for _ in range(MOST_TRIES):
        try:
            with duckdb.connect() as connection:
                return _ask(connection, sql, lake=lake, paths=paths, parameters=parameters)
        except (duckdb.Error, OSError) as error:
            before, paths = paths, _paths(lake)
            if paths == before:
                raise QuestionError(str(error)) from error
    raise QuestionError("the lake's files change faster than they can be read")


def view_of(type_: str) -> str:
    """Return the name of the view that has the events of a type, of whatever version."""
    return re.sub(r"\W", "_", VERSION.sub("", type_))


def _paths(lake: Lake) -> dict[str, list[str]]:
    """Return where the files of each type are; one statement, so that it is one moment."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for row in queries.live_files().order_by("type", "day", "id"):
        found[row.type].append(queries.whereabouts(row, lake=lake))
    return found


def _ask(
    connection: duckdb.DuckDBPyConnection,
    sql: str,
    *,
    lake: Lake,
    paths: dict[str, list[str]],
    parameters: Sequence[Any],
) -> Answer:
    _refuse_writing(connection, sql)
    views = _views(connection, sql, lake=lake, paths=paths)
    for statement in itertools.chain(views, SEALED):
        connection.execute(statement).fetchall()
    result = connection.execute(sql, list(parameters))
    columns = tuple(column[0] for column in result.description or ())
    return Answer(columns, tuple(result.fetchall()))


def _refuse_writing(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    statements = connection.extract_statements(sql)
    if len(statements) != 1 or statements[0].type.name not in READING:
        raise QuestionError("ask one question, with SELECT: the lake is only read")


def _views(
    connection: duckdb.DuckDBPyConnection, sql: str, *, lake: Lake, paths: dict[str, list[str]]
) -> Iterator[str]:
    """Yield the statements that make the views; of types only those that the question names."""
    everything = [path for found in paths.values() for path in found]
    connection.register("lake_files", _dataset(lake, everything))
    yield ROWS.format(name="events", files="lake_files")
    named: defaultdict[str, list[str]] = defaultdict(list)
    for type_, found in paths.items():
        named[view_of(type_)] += found
    for name, found in named.items():
        if re.search(rf"\b{name}\b", sql, re.IGNORECASE):
            connection.register(f"files_of_{name}", _dataset(lake, found))
            yield ROWS.format(name=f"rows_of_{name}", files=f"files_of_{name}")
            yield _fields(connection, name)


def _fields(connection: duckdb.DuckDBPyConnection, name: str) -> str:
    rows = f"rows_of_{name}"
    ((structure,),) = connection.execute(STRUCTURE.format(rows=rows)).fetchall()
    fields = _fields_of(orjson.loads(structure or "{}"))
    return FIELDS.format(
        name=name,
        rows=rows,
        columns=", ".join([*ENVELOPE, *map(_column, fields)]),
        envelope=", ".join(ENVELOPE),
        structure=_quoted(orjson.dumps(fields or "JSON").decode(), "'"),
    )


def _fields_of(structure: object) -> dict[str, Any]:
    """Return the structure of each field that can be a column: no two may differ in case alone."""
    if not isinstance(structure, dict):
        return {}
    first: dict[str, str] = {}
    for name in structure:
        first.setdefault(name.lower(), name)
    return {name: _fit(structure[name]) for name in first.values() if name}


def _fit(structure: Any) -> Any:
    """Return a structure that DuckDB can make; what it cannot stays JSON."""
    if isinstance(structure, list):
        return [_fit(member) for member in structure]
    if not isinstance(structure, dict):
        return structure
    if "" in structure or len({name.lower() for name in structure}) < len(structure):
        return "JSON"
    return {name: _fit(member) for name, member in structure.items()}


def _column(field: str) -> str:
    name = f"data_{field}" if field.lower() in ENVELOPE else field
    return f"fields.{_quoted(field, chr(34))} AS {_quoted(name, chr(34))}"


def _quoted(text: str, mark: str) -> str:
    return f"{mark}{text.replace(mark, 2 * mark)}{mark}"


def _dataset(lake: Lake, paths: Sequence[str]) -> Any:
    import pyarrow.dataset as datasets  # noqa: PLC0415 - as DuckDB

    files = getattr(lake.files, "fs", lake.files)
    return datasets.dataset(list(paths), format="parquet", schema=parquet.SCHEMA, filesystem=files)
