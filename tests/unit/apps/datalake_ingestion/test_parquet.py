from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from apps.datalake_ingestion import parquet


def event(number: int, **more: Any) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": f"0190-{number}",
        "type": "v1.ride.completed",
        "kind": "event",
        "source": "//wildrydes.example",
        "time": "2026-03-01T13:00:00.000001+01:00",
        "data": {"to": "Köln", "fare": 256.5},
        **more,
    }


def test_what_was_encoded_reads_back_with_the_declared_schema() -> None:
    content = parquet.encode([event(1, subject="a-ride", correlationid="story", causationid="x")])

    table = pq.read_table(pa.BufferReader(content))
    assert table.schema.equals(parquet.SCHEMA)
    row = table.to_pylist()[0]
    assert row["time"].isoformat() == "2026-03-01T12:00:00.000001+00:00"
    assert row["data"] == '{"fare":256.5,"to":"Köln"}'
    assert (row["subject"], row["correlation_id"], row["causation_id"]) == ("a-ride", "story", "x")


def test_what_an_event_does_not_say_is_empty() -> None:
    row = pq.read_table(pa.BufferReader(parquet.encode([event(1)]))).to_pylist()[0]

    assert (row["subject"], row["correlation_id"], row["causation_id"]) == ("", "", None)


def test_the_same_events_give_the_same_bytes_in_any_order() -> None:
    events = [event(n) for n in range(50)]

    assert parquet.encode(events) == parquet.encode(events[::-1])
