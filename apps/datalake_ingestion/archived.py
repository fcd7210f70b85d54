"""Messages of the log as Parquet: every column, so that nothing is lost that the log knew."""

from __future__ import annotations

import hashlib
from collections.abc import Container, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from wildrydes.models import Message

MOMENT = pa.timestamp("us", tz="UTC")
SCHEMA = pa.schema(
    [
        pa.field("position", pa.int64(), nullable=False),
        *(
            pa.field(name, pa.string(), nullable=False)
            for name in ("id", "type", "kind", "source", "subject", "group_id", "correlation_id")
        ),
        pa.field("causation_id", pa.string()),
        pa.field("recipients", pa.list_(pa.string())),
        pa.field("reply_to", pa.string(), nullable=False),
        pa.field("not_before", MOMENT),
        pa.field("expires_at", MOMENT),
        pa.field("trace_parent", pa.string(), nullable=False),
        pa.field("data", pa.string(), nullable=False),
        pa.field("published_at", MOMENT, nullable=False),
    ]
)


def encode(messages: Iterable[Message]) -> bytes:
    """Return messages as the bytes of one Parquet file, in the order in which they come."""
    rows = [_row(message) for message in messages]
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(rows, schema=SCHEMA), sink, compression="zstd")
    content: bytes = sink.getvalue().to_pybytes()
    return content


def checksum_of_file(content: bytes, *, only: Container[str] | None = None) -> tuple[int, str]:
    """Return how many messages a file holds, and the checksum of what they say; or those of some.

    `only` are their ids.
    """
    rows = pq.read_table(pa.BufferReader(content)).to_pylist()
    return _checksum(row for row in rows if only is None or row["id"] in only)


def checksum_of_messages(messages: Iterable[Message]) -> tuple[int, str]:
    """Return how many messages these are, and the checksum of what they say."""
    return _checksum(_row(message) for message in messages)


def _checksum(rows: Iterable[Mapping[str, Any]]) -> tuple[int, str]:
    count, digest = 0, hashlib.sha256()
    for count, line in enumerate(_lines(rows), start=1):  # noqa: B007 - the last one is kept
        digest.update(line)
    return count, digest.hexdigest()


def _lines(rows: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    for row in rows:
        values = [row[name] for name in SCHEMA.names]
        yield orjson.dumps(values, option=orjson.OPT_UTC_Z | orjson.OPT_APPEND_NEWLINE)


def _row(message: Message) -> dict[str, Any]:
    row = {name: getattr(message, name) for name in SCHEMA.names}
    return row | {
        "id": str(message.id),
        "causation_id": message.causation_id and str(message.causation_id),
        "data": orjson.dumps(message.data, option=orjson.OPT_SORT_KEYS).decode(),
        "not_before": _utc(message.not_before),
        "expires_at": _utc(message.expires_at),
        "published_at": _utc(message.published_at),
    }


def _utc(moment: datetime | None) -> datetime | None:
    return moment and moment.astimezone(UTC)
