"""The consumer's record: which messages are new here, and what became of the others."""

from __future__ import annotations

import traceback
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection
from psycopg.types.json import Jsonb

from wildrydes.models import Receipt
from wildrydes.retry import Dead, Decision, RetryAfter, describe

TRACEBACK_CHARACTERS = 8_000
ERROR_CHARACTERS = 2_000

# In order of id, so that two workers with overlapping batches wait for each other and never lock
# each other out.
CLAIM_NEW = """
INSERT INTO wildrydes_receipt (subscription, message_id, message_type, status, attempts,
    dispatch_id, dispatched_at, done_at, group_id, position, worker, error, traceback)
SELECT %s, incoming.id, incoming.type, 'done', 1, %s, %s, now(), '', 0, '', '', ''
FROM unnest(%s::uuid[], %s::text[]) AS incoming (id, type) ORDER BY incoming.id
ON CONFLICT (message_id, subscription) DO NOTHING
RETURNING message_id
"""

CLAIM_RETRIES = """
SELECT message_id, attempts FROM wildrydes_receipt
WHERE subscription = %s AND message_id = ANY(%s) AND status = 'retrying'
    AND (next_attempt_at IS NULL OR next_attempt_at <= now())
ORDER BY message_id FOR UPDATE
"""

MARK_DONE = """
UPDATE wildrydes_receipt SET status = 'done', attempts = attempts + 1, done_at = now(),
    next_attempt_at = NULL, message = NULL
WHERE subscription = %s AND message_id = ANY(%s)
"""

MARK_FAILED = """
UPDATE wildrydes_receipt SET status = %s, attempts = %s, done_at = NULL,
    next_attempt_at = clock_timestamp() + %s::interval, error = %s, traceback = %s, message = %s
WHERE subscription = %s AND message_id = %s
"""

RECORD_UNREADABLE = """
INSERT INTO wildrydes_receipt (subscription, message_id, message_type, status, attempts,
    dispatch_id, dispatched_at, group_id, position, worker, error, traceback, message)
VALUES (%s, %s, 'unreadable', 'dead', 1, %s, %s, '', 0, '', %s, '', %s)
ON CONFLICT (message_id, subscription) DO NOTHING
"""


@dataclass(frozen=True)
class Arrival:
    """One message of a delivery: its id, its type, and the dispatch that brought it."""

    message_id: UUID
    type: str


def claim(
    *,
    subscription: str,
    dispatch_id: UUID,
    dispatched_at: datetime,
    arrivals: Sequence[Arrival],
) -> dict[UUID, int]:
    """Return the attempt number of each message that has to be handled now, by message id.

    What is not returned is done, dead, or waiting for a later attempt. Must run inside the
    transaction in which the messages are handled: its rows are locked until the end of it.
    """
    ids = [arrival.message_id for arrival in arrivals]
    types = [arrival.type for arrival in arrivals]
    with connection.cursor() as cursor:
        cursor.execute(CLAIM_NEW, [subscription, dispatch_id, dispatched_at, ids, types])
        attempts = {message_id: 1 for (message_id,) in cursor.fetchall()}
        known = [message_id for message_id in ids if message_id not in attempts]
        if known:
            cursor.execute(CLAIM_RETRIES, [subscription, known])
            attempts.update({key: count + 1 for key, count in cursor.fetchall()})
    return attempts


def mark_retries_done(*, subscription: str, message_ids: Collection[UUID]) -> None:
    """Record that messages which had failed before are done. New ones already are."""
    if message_ids:
        with connection.cursor() as cursor:
            cursor.execute(MARK_DONE, [subscription, list(message_ids)])


def mark_failed(
    *,
    subscription: str,
    message_id: UUID,
    event: Mapping[str, Any],
    attempt: int,
    error: Exception,
    decision: Decision,
) -> None:
    """Record a failed attempt, what was decided, and the message, which the consumer now keeps."""
    wait: timedelta | None = None
    match decision:
        case RetryAfter(wait):
            status, text = Receipt.Status.RETRYING, describe(error)
        case Dead(reason):
            status, text = Receipt.Status.DEAD, reason
    trace = "".join(traceback.format_exception(error))
    values: list[Any] = [
        status,
        attempt,
        wait,
        _storable(text, ERROR_CHARACTERS),
        _storable(trace, TRACEBACK_CHARACTERS),
        Jsonb(dict(event)),
        subscription,
        message_id,
    ]
    with connection.cursor() as cursor:
        cursor.execute(MARK_FAILED, values)


def record_unreadable(
    *,
    subscription: str,
    message_id: UUID,
    event: object,
    dispatch_id: UUID,
    dispatched_at: datetime,
    reason: str,
) -> None:
    """Put something that cannot be read as a message among the dead letters, as it came."""
    values: list[Any] = [
        subscription,
        message_id,
        dispatch_id,
        dispatched_at,
        _storable(reason, ERROR_CHARACTERS),
        Jsonb(event),
    ]
    with connection.cursor() as cursor:
        cursor.execute(RECORD_UNREADABLE, values)


def _storable(text: str, most: int) -> str:
    """Return the end of the text, where the cause is, without what Postgres cannot store."""
    return text.replace("\x00", "\\0").encode("utf-8", "replace").decode()[-most:]
