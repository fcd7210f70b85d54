"""Sagas that ended long ago, with their histories, as the kernel would have left them."""

from __future__ import annotations

from collections.abc import Mapping

from bench.running import Running

AT_ONCE = 50_000
OLDEST = 4_000_000  # seconds: the age of the first saga that is stored

# Without triggers: what is stored here was told and done long ago.
QUIETLY = "SET session_replication_role = replica"
NEW_IDS = "CREATE TEMPORARY TABLE stored (number int, id uuid)"
DRAW = """
INSERT INTO stored SELECT number, uuidv7(make_interval(secs => number - %(oldest)s))
FROM generate_series(%(first)s::int, %(last)s::int) AS number
"""
COLUMNS = """
SELECT quote_ident(attname) FROM pg_attribute
WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum
"""
COPY = "INSERT INTO {table} ({columns}) SELECT {values} FROM {table} AS example, stored WHERE {own}"
NEWEST = "SELECT id FROM wildrydes_saga ORDER BY id DESC LIMIT 1"


def store(one: Running, *, sagas: int) -> None:
    """Store as many copies of the saga that ran last, all under ids and keys of their own."""
    sql = one.effects.sql
    sql.execute(QUIETLY)
    sql.execute(NEW_IDS)
    newest = sql.execute(NEWEST).fetchone()
    assert newest is not None
    for first in range(1, sagas + 1, AT_ONCE):
        last = min(first + AT_ONCE - 1, sagas)
        sql.execute("TRUNCATE stored")
        sql.execute(DRAW, {"first": first, "last": last, "oldest": OLDEST})
        _copy(
            one,
            "wildrydes_saga",
            {"id": "stored.id", "key": "'stored-' || number"},
            "id",
            newest[0],
        )
        _copy(one, "wildrydes_sagaevent", {"saga_id": "stored.id"}, "saga_id", newest[0])
    sql.execute("VACUUM (ANALYZE) wildrydes_saga, wildrydes_sagaevent")
    sql.execute("CHECKPOINT")


def _copy(one: Running, table: str, changed: Mapping[str, str], key: str, like: object) -> None:
    sql = one.effects.sql
    columns = [str(row[0]) for row in sql.execute(COLUMNS, [table]).fetchall()]
    values = [changed.get(column, f"example.{column}") for column in columns]
    statement = COPY.format(
        table=table,
        columns=", ".join(columns),
        values=", ".join(values),
        own=f"example.{key} = %s",
    )
    sql.execute(statement.encode(), [like])
