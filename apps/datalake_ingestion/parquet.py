"""Events as Parquet: one schema for every type of event, its data as JSON text.

Guarantee: the same events give the same bytes, in whatever order they are given.
Does not guarantee: that across versions of pyarrow, whose name and version stand in the file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

SCHEMA = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("type", pa.string(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("subject", pa.string(), nullable=False),
        pa.field("time", pa.timestamp("us", tz="UTC"), nullable=False),
        pa.field("correlation_id", pa.string(), nullable=False),
        pa.field("causation_id", pa.string()),
        pa.field("data", pa.string(), nullable=False),
    ]
)


def encode(events: Iterable[Mapping[str, Any]]) -> bytes:
    """Return CloudEvents as the bytes of one Parquet file, in order of their ids."""
    return write(pa.Table.from_pylist([_row(event) for event in events], schema=SCHEMA))


def read(content: bytes) -> pa.Table:
    """Return the rows of one file; a file of an older schema is given today's."""
    return pq.read_table(pa.BufferReader(content)).cast(SCHEMA)


def texts(values: Iterable[str]) -> pa.Array:
    """Return texts as a column, to compare another one with."""
    return pa.array(list(values), pa.string())


def write(rows: pa.Table) -> bytes:
    """Return rows as the bytes of one Parquet file, in order of their ids."""
    sink = pa.BufferOutputStream()
    pq.write_table(rows.sort_by("id"), sink, compression="zstd")
    content: bytes = sink.getvalue().to_pybytes()
    return content


def _row(event: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": event["id"],
        "type": event["type"],
        "kind": event["kind"],
        "source": event["source"],
        "subject": event.get("subject", ""),
        "time": datetime.fromisoformat(event["time"]).astimezone(UTC),
        "correlation_id": event.get("correlationid", ""),
        "causation_id": event.get("causationid"),
        "data": orjson.dumps(event["data"], option=orjson.OPT_SORT_KEYS).decode(),
    }
