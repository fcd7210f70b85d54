"""Retention: old messages that nobody needs any more go, with the receipts that kept them out.

Guarantee: a message stays while it is not routed, stands in a dispatch, has a receipt here that is
retrying, parked or dead, or that ended lately, is a request that awaits its answer, is part of a
redrive, or is kept by a service that has said so (`keep`). The receipt of a message of this log
goes with its message and never before it, so that no replay takes it for one that was never
handled. A saga goes with its history, when it ended that long ago. May be broken off, and run
again, at any time.
Does not guarantee: anything about a copy that stood on the wire, unseen, for longer than the age;
nor that a service is heeded which is not installed where the purge runs.
Source: Hohpe and Woolf, Message Store, Message Expiration.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from wildrydes.errors import ConfigurationError

DEFAULT_AGE = timedelta(days=90)
LEAST_AGE = timedelta(days=1)
BATCH = 1000

FINISHED = """
WITH page AS MATERIALIZED (
    SELECT position, id, published_at FROM wildrydes_message
    WHERE position > %(after)s AND (%(only)s::uuid[] IS NULL OR id = ANY(%(only)s))
    ORDER BY position LIMIT %(limit)s
), finished AS MATERIALIZED (
    SELECT position, id FROM page AS message WHERE published_at < %(before)s
        AND position NOT IN (SELECT position FROM wildrydes_unrouted)
        AND id NOT IN (SELECT unnest(message_ids) FROM wildrydes_dispatch)
        AND id NOT IN (SELECT id FROM wildrydes_request WHERE status = 'open')
        AND id NOT IN (SELECT id FROM wildrydes_scatter WHERE status = 'open')
        AND id NOT IN (
            SELECT message_id FROM wildrydes_redriveitem WHERE outcome IN ('waiting', 'sent')
        )
        AND NOT EXISTS (
            SELECT FROM wildrydes_receipt AS receipt WHERE receipt.message_id = message.id AND (
                receipt.status NOT IN ('done', 'dropped')
                OR greatest(receipt.received_at, receipt.done_at, receipt.last_failed_at)
                    >= %(before)s
            )
        )
        {keeps}
)
"""
OLD_MESSAGES = """
{finished}, gone AS ({messages}), forgotten AS ({receipts})
SELECT count(*), count(*) FILTER (WHERE published_at < %(before)s), max(position),
    (SELECT count(*) FROM gone), (SELECT count(*) FROM forgotten)
FROM page
"""
REMOVABLE = """
{finished}
SELECT count(*), count(*) FILTER (WHERE published_at < %(before)s), max(position),
    ARRAY(SELECT id FROM finished ORDER BY position)
FROM page
"""

DELETE_MESSAGES = """
    DELETE FROM wildrydes_message AS message USING finished
    WHERE message.position = finished.position RETURNING message.id
"""
DELETE_THEIR_RECEIPTS = """
    DELETE FROM wildrydes_receipt AS receipt USING finished
    WHERE receipt.message_id = finished.id AND receipt.status IN ('done', 'dropped') RETURNING 1
"""
COUNT_MESSAGES = "SELECT id FROM finished"
COUNT_THEIR_RECEIPTS = """
    SELECT 1 FROM wildrydes_receipt AS receipt JOIN finished ON receipt.message_id = finished.id
"""

DELETED = {"messages": DELETE_MESSAGES, "receipts": DELETE_THEIR_RECEIPTS}
COUNTED = {"messages": COUNT_MESSAGES, "receipts": COUNT_THEIR_RECEIPTS}

# Of messages that another database published, or that went before their receipts were old.
OLD_RECEIPTS = """
WITH page AS MATERIALIZED (
    SELECT id, message_id, received_at, status, done_at, last_failed_at FROM wildrydes_receipt
    WHERE id > %(after)s ORDER BY id LIMIT %(limit)s
), finished AS MATERIALIZED (
    SELECT id FROM page AS receipt WHERE status IN ('done', 'dropped')
        AND greatest(received_at, done_at, last_failed_at) < %(before)s
        AND NOT EXISTS (SELECT FROM wildrydes_message WHERE id = receipt.message_id)
        AND message_id NOT IN (SELECT unnest(message_ids) FROM wildrydes_dispatch)
), gone AS ({receipts})
SELECT count(*), count(*) FILTER (WHERE received_at < %(before)s), max(id),
    0, (SELECT count(*) FROM gone)
FROM page
"""

DELETE_RECEIPTS = """
    DELETE FROM wildrydes_receipt AS receipt USING finished
    WHERE receipt.id = finished.id AND receipt.status IN ('done', 'dropped') RETURNING 1
"""
COUNT_RECEIPTS = "SELECT 1 FROM finished"

OLD_SAGAS = """
WITH page AS MATERIALIZED (
    SELECT id, started_at, ended_at FROM wildrydes_saga
    WHERE id > %(after)s ORDER BY id LIMIT %(limit)s
), finished AS MATERIALIZED (
    SELECT id FROM page WHERE ended_at < %(before)s
), gone AS ({sagas}), forgotten AS ({histories})
SELECT count(*), count(*) FILTER (WHERE started_at < %(before)s),
    (array_agg(id ORDER BY id DESC))[1],
    (SELECT count(*) FROM gone), (SELECT count(*) FROM forgotten)
FROM page
"""
DELETE_SAGAS = """
    DELETE FROM wildrydes_saga AS saga USING finished WHERE saga.id = finished.id RETURNING 1
"""
DELETE_HISTORIES = """
    DELETE FROM wildrydes_sagaevent AS event USING finished
    WHERE event.saga_id = finished.id RETURNING 1
"""
COUNT_HISTORIES = """
    SELECT 1 FROM wildrydes_sagaevent AS event JOIN finished ON event.saga_id = finished.id
"""
LET_HISTORIES_GO = "SELECT set_config('wildrydes.purging', 'on', true)"

# Each a statement of its own: the one that follows sees what was committed while this one waited.
BEGIN_BATCH = "SELECT pg_advisory_xact_lock_shared(hashtextextended('wildrydes purge', 0))"
PAUSE = "SELECT pg_advisory_xact_lock(hashtextextended('wildrydes purge', 0))"

_keeps: list[str] = []


@dataclass(frozen=True)
class Purged:
    """What has gone so far, or would go. `kept` are old messages that somebody still needs."""

    messages: int = 0
    receipts: int = 0
    kept: int = 0
    sagas: int = 0


def keep(*, ids: str) -> None:
    """Let every purge leave the messages whose ids a query returns. Safe to call twice.

    The query is asked anew in each batch. It must return no null, and holds no percent sign. What
    it returns from a commit on is kept from there on only if that transaction called `pause` before
    it looked which messages there are.
    """
    if ids not in _keeps:
        _keeps.append(ids)


def pause() -> None:
    """Wait until no batch is being removed, and let none begin until the transaction ends.

    One transaction at a time. So what it finds in the log is there when it commits, and each later
    batch sees what it has committed. Must be called inside a transaction, before it looks.
    """
    with connection.cursor() as cursor:
        cursor.execute(PAUSE)


def removable(*, older_than: timedelta, batch_size: int = BATCH) -> Iterator[list[UUID]]:
    """Yield the ids of messages that a purge would remove, oldest first, in batches.

    What is yielded may be removed with `purge_these` before the next is asked for. Raises
    `ConfigurationError` as `purge` does.
    """
    _refuse_wrong(older_than, batch_size)
    after, before = 0, _ago(older_than)
    while True:
        with connection.cursor() as cursor:
            parameters: dict[str, Any] = {"after": after, "limit": batch_size, "before": before}
            parameters["only"] = None
            cursor.execute(REMOVABLE.format(finished=_finished()), parameters)
            row = cursor.fetchone()
        assert row is not None
        seen, old, last, ids = row
        if ids:
            yield ids
        if not old or seen < batch_size:
            return
        after = last


def purge_these(*, ids: Sequence[UUID], older_than: timedelta) -> Purged:
    """Remove those of some messages that are old and that nobody needs, with their receipts.

    Must not run inside a transaction. Raises `ConfigurationError` as `purge` does.
    """
    _refuse_wrong(older_than, len(ids))
    query = OLD_MESSAGES.format(finished=_finished(), **DELETED)
    pages = _pages(query, before=_ago(older_than), size=len(ids), only=ids)
    old, messages, receipts = next(pages, (0, 0, 0))
    return Purged(messages, receipts, old - messages)


def purge(
    *, older_than: timedelta = DEFAULT_AGE, batch_size: int = BATCH, dry_run: bool = False
) -> Iterator[Purged]:
    """Remove what is older, oldest first; yield what has gone, after the commit of each batch.

    Must not run inside a transaction. Raises `ConfigurationError` for an age below a day, within
    which a message may still be delivered again, and for a batch size below 1.
    """
    _refuse_wrong(older_than, batch_size)
    before, purged = _ago(older_than), Purged()
    for gone in _steps(before=before, size=batch_size, dry_run=dry_run):
        purged = Purged(
            purged.messages + gone.messages,
            purged.receipts + gone.receipts,
            purged.kept + gone.kept,
            purged.sagas + gone.sagas,
        )
        yield purged


def _refuse_wrong(older_than: timedelta, batch_size: int) -> None:
    if older_than < LEAST_AGE:
        raise ConfigurationError(f"what is younger than {LEAST_AGE} may still be delivered again")
    if batch_size < 1:
        raise ConfigurationError("a batch holds at least 1")


def _steps(*, before: datetime, size: int, dry_run: bool) -> Iterator[Purged]:
    """Yield what went in each batch, and how many old messages stayed."""
    query = OLD_MESSAGES.format(finished=_finished(), **(COUNTED if dry_run else DELETED))
    for old, messages, receipts in _pages(query, before=before, size=size):
        yield Purged(messages, receipts, old - messages)
    query = OLD_RECEIPTS.format(receipts=COUNT_RECEIPTS if dry_run else DELETE_RECEIPTS)
    for _, _, receipts in _pages(query, before=before, size=size):
        yield Purged(receipts=receipts)
    ways = {"sagas": DELETE_SAGAS, "histories": DELETE_HISTORIES}
    tries = {"sagas": COUNT_RECEIPTS, "histories": COUNT_HISTORIES}
    query = OLD_SAGAS.format(**(tries if dry_run else ways))
    for _, sagas, _ in _pages(query, before=before, size=size, first=UUID(int=0)):
        yield Purged(sagas=sagas)


def _finished() -> str:
    return FINISHED.format(keeps="\n        ".join(f"AND id NOT IN ({ids})" for ids in _keeps))


def _pages(
    query: str,
    *,
    before: datetime,
    size: int,
    first: int | UUID = 0,
    only: Sequence[UUID] | None = None,
) -> Iterator[tuple[int, int, int]]:
    """Yield how many rows of each page were old, and what went; end where nothing is old."""
    after = first
    while True:
        with transaction.atomic(durable=True), connection.cursor() as cursor:
            cursor.execute(LET_HISTORIES_GO)
            cursor.execute(BEGIN_BATCH)
            ids = None if only is None else list(only)
            parameters = {"after": after, "limit": size, "before": before, "only": ids}
            cursor.execute(query, parameters)
            row = cursor.fetchone()
        assert row is not None
        seen, old, last, messages, receipts = row
        if not old:
            return
        yield old, messages, receipts
        if seen < size:
            return
        after = last


def _ago(age: timedelta) -> datetime:
    parameters: list[Any] = [age]
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp() - %s", parameters)
        row = cursor.fetchone()
    assert row is not None
    moment: datetime = row[0]
    return moment
