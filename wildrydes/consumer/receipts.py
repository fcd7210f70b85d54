"""The consumer's record: which messages are new here, and what became of the others.

Every function must run inside the transaction in which the messages are handled.
"""

from __future__ import annotations

import traceback
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
from django.db import connection
from psycopg.types.json import Jsonb

from wildrydes import postgres, prepared
from wildrydes.consumer.reading import Item, Unreadable
from wildrydes.models import Receipt
from wildrydes.retry import Dead, Decision, Drop, RetryAfter, describe

TRACEBACK_CHARACTERS = 8_000
ERROR_CHARACTERS = 2_000

# In order of id, so that two workers with overlapping batches wait for each other and never lock
# each other out. Texts go as JSON, and one row comes back: what the driver does with a value of an
# array, or with a time, costs more than what Postgres does.
CLAIM_NEW = """
WITH claimed AS (
    INSERT INTO wildrydes_receipt (subscription, message_id, message_type, status, attempts, starts,
        dispatch_id, dispatched_at, done_at, group_id, position, worker, error, traceback)
    SELECT %s, incoming.id, incoming.type, 'done', 1, 0, %s, %s, now(), incoming.group_id,
        incoming.position, %s, '', ''
    FROM ROWS FROM (unnest(%s::uuid[]), json_array_elements_text(%s::json),
        json_array_elements_text(%s::json), unnest(%s::bigint[]))
        AS incoming (id, type, group_id, position)
    ORDER BY incoming.id
    ON CONFLICT (message_id, subscription) DO NOTHING
    RETURNING message_id
)
SELECT array_agg(message_id), clock_timestamp() FROM claimed
"""

CLAIM_RETRIES = """
SELECT message_id, attempts, clock_timestamp() FROM wildrydes_receipt
WHERE subscription = %s AND message_id = ANY(%s) AND status = 'retrying'
    AND (next_attempt_at IS NULL OR next_attempt_at <= now())
ORDER BY message_id FOR UPDATE
"""

BEGIN_ALONE = """
INSERT INTO wildrydes_receipt (subscription, message_id, message_type, status, attempts, starts,
    dispatch_id, dispatched_at, group_id, position, worker, error, traceback, message)
VALUES (%s, %s, %s, 'retrying', 0, 1, %s, %s, %s, %s, %s, '', '', %s)
ON CONFLICT (message_id, subscription) DO UPDATE
SET starts = wildrydes_receipt.starts + 1, worker = excluded.worker
WHERE wildrydes_receipt.status = 'retrying'
    AND (wildrydes_receipt.next_attempt_at IS NULL OR wildrydes_receipt.next_attempt_at <= now())
RETURNING starts
"""

# What was answered may have to be said again, to whoever asked; until then the message is needed.
MARK_DONE = """
UPDATE wildrydes_receipt SET status = 'done', attempts = attempts + 1, starts = 0,
    done_at = now(), next_attempt_at = NULL, worker = %s,
    message = CASE WHEN answer IS NOT NULL THEN message END
WHERE subscription = %s AND message_id = ANY(%s)
"""

MARK_FAILED = """
UPDATE wildrydes_receipt SET status = %s, attempts = %s, starts = 0, done_at = NULL,
    next_attempt_at = statement_timestamp() + %s::interval, worker = %s,
    first_failed_at = coalesce(first_failed_at, statement_timestamp()),
    last_failed_at = statement_timestamp(), error = %s, traceback = %s, message = %s
WHERE subscription = %s AND message_id = %s
"""

RECORD_UNREADABLE = """
INSERT INTO wildrydes_receipt (subscription, message_id, message_type, status, attempts, starts,
    dispatch_id, dispatched_at, group_id, position, worker, first_failed_at, last_failed_at,
    error, traceback, message)
VALUES (%s, %s, 'unreadable', 'dead', 1, 0, %s, %s, '', 0, %s, now(), now(), %s, '', %s)
ON CONFLICT (message_id, subscription) DO NOTHING
"""

# Only what this dispatch was to bring: anything else may bear any id.
END_UNREADABLE = """
UPDATE wildrydes_receipt SET status = 'dead', starts = 0, next_attempt_at = NULL, worker = %s,
    first_failed_at = coalesce(first_failed_at, statement_timestamp()),
    last_failed_at = statement_timestamp(), error = %s, traceback = '',
    message = coalesce(message, %s)
WHERE subscription = %s AND message_id = %s AND status = 'retrying' AND EXISTS (
    SELECT 1 FROM wildrydes_dispatch WHERE id = %s AND message_id = ANY(message_ids)
) RETURNING group_id
"""


@dataclass(frozen=True)
class Origin:
    """Where receipts come from: for whom, by which dispatch, handled by which worker."""

    subscription: str
    dispatch_id: UUID
    dispatched_at: datetime
    worker: str


@dataclass(frozen=True)
class Claimed:
    """The messages that have to be handled now: each one's attempt number, from 1.

    `known` are those that had a receipt already. `now` is the database's time.
    """

    attempts: Mapping[UUID, int]
    known: frozenset[UUID]
    now: datetime


@dataclass(frozen=True)
class Failure:
    """One message's failed attempt, and what was decided."""

    item: Item
    attempt: int
    error: Exception
    decision: Decision


def claim(origin: Origin, items: Sequence[Item]) -> Claimed:
    """Claim the messages that have to be handled now.

    The others are done, dead, let go of, parked, or waiting for a later attempt. The rows of
    those that are claimed are locked until the end of the transaction.
    """
    ids = [item.id for item in items]
    columns: list[Any] = [
        orjson.dumps([item.envelope.type for item in items]).decode(),
        orjson.dumps([item.envelope.group_id for item in items]).decode(),
        postgres.array([item.envelope.position for item in items]),
    ]
    where: list[Any] = [
        *(origin.subscription, origin.dispatch_id, origin.dispatched_at),
        origin.worker,
    ]
    with prepared.execute(CLAIM_NEW, [*where, postgres.array(ids), *columns]) as cursor:
        ((new, now),) = cursor.fetchall()
        attempts = dict.fromkeys(new or (), 1)
        known: frozenset[UUID] = frozenset()
        if len(attempts) < len(ids):
            old = [message_id for message_id in ids if message_id not in attempts]
            cursor.execute(CLAIM_RETRIES, [origin.subscription, old])
            again = cursor.fetchall()
            known = frozenset(message_id for message_id, *_ in again)
            attempts.update((message_id, tried + 1) for message_id, tried, _ in again)
            now = max((moment for *_, moment in again), default=now)
    return Claimed(attempts, known, now)


def begin_alone(origin: Origin, item: Item) -> int:
    """Count that this message is about to be begun alone; return how often it has been now.

    0 when it has not to be handled. The caller commits before it begins: if the worker then dies,
    the count stays, and says which message it was.
    """
    values: list[Any] = [
        *(origin.subscription, item.id, item.envelope.type),
        *(origin.dispatch_id, origin.dispatched_at),
        *(item.envelope.group_id, item.envelope.position, origin.worker),
        Jsonb(dict(item.event)),
    ]
    with connection.cursor() as cursor:
        cursor.execute(BEGIN_ALONE, values)
        row = cursor.fetchone()
    return int(row[0]) if row else 0


def mark_retries_done(origin: Origin, message_ids: Collection[UUID]) -> None:
    """Record that messages which had a receipt before are done. New ones already are."""
    if message_ids:
        with connection.cursor() as cursor:
            cursor.execute(MARK_DONE, [origin.worker, origin.subscription, list(message_ids)])


def mark_failed(origin: Origin, failure: Failure) -> None:
    """Record a failed attempt, what was decided, and the message, which the consumer now keeps."""
    status, text, wait = _fate(failure)
    trace = "".join(traceback.format_exception(failure.error))
    values: list[Any] = [
        *(status, failure.attempt, wait, origin.worker),
        _storable(text, ERROR_CHARACTERS),
        _storable(trace, TRACEBACK_CHARACTERS),
        Jsonb(dict(failure.item.event)),
        *(origin.subscription, failure.item.id),
    ]
    with connection.cursor() as cursor:
        cursor.execute(MARK_FAILED, values)


def end_unreadable(origin: Origin, found: Unreadable) -> str | None:
    """Let a message be dead that was to be tried again and cannot be read any more.

    So it is where a worker with an older topology, or a newer one, gets it. Return its group; none
    where there is no such message.
    """
    values: list[Any] = [
        *(origin.worker, _why_unreadable(found), Jsonb(found.event)),
        *(origin.subscription, found.says_id, origin.dispatch_id),
    ]
    with connection.cursor() as cursor:
        cursor.execute(END_UNREADABLE, values)
        row = cursor.fetchone()
    return str(row[0]) if row else None


def record_unreadable(origin: Origin, found: Unreadable) -> None:
    """Put something that cannot be read as a message among the dead letters, as it came."""
    values: list[Any] = [
        *(origin.subscription, found.message_id, origin.dispatch_id, origin.dispatched_at),
        origin.worker,
        _why_unreadable(found),
        Jsonb(found.event),
    ]
    with connection.cursor() as cursor:
        cursor.execute(RECORD_UNREADABLE, values)


def _why_unreadable(found: Unreadable) -> str:
    return _storable(f"unreadable: {found.reason}", ERROR_CHARACTERS)


def _fate(failure: Failure) -> tuple[Receipt.Status, str, timedelta | None]:
    match failure.decision:
        case RetryAfter(wait):
            return Receipt.Status.RETRYING, describe(failure.error), wait
        case Dead(reason):
            return Receipt.Status.DEAD, reason, None
        case Drop(reason):
            return Receipt.Status.DROPPED, reason, None


def _storable(text: str, most: int) -> str:
    """Return the end of the text, where the cause is, without what Postgres cannot store."""
    return text.replace("\x00", "\\0").encode("utf-8", "replace").decode()[-most:]
