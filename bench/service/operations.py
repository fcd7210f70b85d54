"""What the peers' tasks do, and what fills the log of Wild Rydes before a drain."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from uuid import UUID

from django.db import connection

RECORD = """
INSERT INTO bench_service_effect (event_id, subscriber, customer, amount)
SELECT event_id, %s, customer, amount
FROM unnest(%s::text[]::uuid[], %s::text[], %s::text[]::numeric[])
    AS incoming (event_id, customer, amount)
ON CONFLICT DO NOTHING
"""


def record(*, subscriber: str, event_id: str, customer: str, amount: str) -> None:
    """Keep one effect in one statement and one commit. Safe to call twice."""
    record_all(subscriber=subscriber, event_ids=[event_id], customers=[customer], amounts=[amount])


def record_all(
    *, subscriber: str, event_ids: Sequence[str], customers: Sequence[str], amounts: Sequence[str]
) -> None:
    """Keep effects in one statement, the same on every side. Safe to call twice."""
    with connection.cursor() as cursor:
        cursor.execute(RECORD, [subscriber, event_ids, customers, amounts])


def event_id_of(number: int) -> UUID:
    """Return the id under which a peer's ride with this primary key is known to its tasks."""
    return UUID(int=number)


def in_chunks(count: int, *, size: int) -> Iterator[range]:
    """Yield ranges that together are `range(count)`."""
    for start in range(0, count, size):
        yield range(start, min(start + size, count))
