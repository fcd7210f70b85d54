"""Floors: what the servers could do if there were nothing between them and the data.

`bulk_inserts`: one connection writes the same receipts and effects that a drain leaves, 500 of each
a transaction, with COPY. `list_pushes`: one connection pushes messages of the same size onto a
Redis list, a thousand in a pipeline.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID, uuid4

import psycopg

from bench.ground import OURS, Ground
from bench.subscribers import RIDES, SUBSCRIBERS, batch_subscription

BATCH = 500
PIPELINE = 1000
MESSAGE = b"x" * 900  # bytes: about what one ride is on the wire

RECEIPTS = (
    "COPY wildrydes_receipt (subscription, message_id, message_type, status, attempts, starts, "
    "dispatch_id, dispatched_at, done_at, group_id, position, worker, error, traceback) FROM STDIN"
)
EFFECTS = "COPY bench_service_effect (event_id, subscriber, customer, amount) FROM STDIN"


def bulk_inserts(ground: Ground, *, events: int) -> float:
    """Return receipts with their effects a second."""
    database = ground.copy(OURS)
    try:
        with psycopg.connect(ground.postgres.database_url(database)) as connection:
            started = time.perf_counter()
            for _ in range(max(1, events // BATCH)):
                ids = [uuid4() for _ in range(BATCH)]
                for subscriber in SUBSCRIBERS:
                    _insert(connection, subscriber, ids)
            took = time.perf_counter() - started
    finally:
        ground.drop(database)
    return max(1, events // BATCH) * BATCH * len(SUBSCRIBERS) / took


def list_pushes(ground: Ground, *, messages: int) -> float:
    """Return list pushes a second."""
    with ground.redis() as client:
        started = time.perf_counter()
        for _ in range(max(1, messages // PIPELINE)):
            with client.pipeline(transaction=False) as pipeline:
                for _ in range(PIPELINE):
                    pipeline.lpush("bench-floor", MESSAGE)
                pipeline.execute()
        took = time.perf_counter() - started
        client.delete("bench-floor")
    return max(1, messages // PIPELINE) * PIPELINE / took


def _insert(
    connection: psycopg.Connection[tuple[object, ...]], subscriber: str, ids: Sequence[UUID]
) -> None:
    now, dispatch, name = datetime.now(UTC), uuid4(), batch_subscription(subscriber)
    with connection.transaction(), connection.cursor() as cursor:
        with cursor.copy(RECEIPTS) as copy:
            for position, event_id in enumerate(ids, start=1):
                head = (name, event_id, RIDES, "done", 1, 0, dispatch, now, now)
                copy.write_row((*head, f"customer-{position}", position, "bench@host", "", ""))
        with cursor.copy(EFFECTS) as copy:
            for position, event_id in enumerate(ids, start=1):
                row = (event_id, subscriber, f"customer-{position}", Decimal("256.50"))
                copy.write_row(row)
