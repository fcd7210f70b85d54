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
    rows = sorted((_row(event) for event in events), key=lambda row: str(row["id"]))
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(rows, schema=SCHEMA), sink, compression="zstd")
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
