"""Backfill: what the message log has and the lake has not is put into the lake.

Guarantee: an event that is in the lake, or on its way there, is not put there again, whoever runs
this at the same time, and however often. One that comes from here has a receipt, so that no replay
brings it a second time. A file that the table names and nobody finds counts as lost: its line goes,
and its events come again from the log.
Does not guarantee: anything about what was purged from the log; nor about services with a database
of their own, whose log is elsewhere: replay it there, to `collect_events`.
Source: Hohpe and Woolf, Message Store.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

import pyarrow.compute as pc
from django.db import connection, transaction
from django.db.models import Q

from apps.datalake_ingestion import locks, parquet, queries
from apps.datalake_ingestion.lake import Lake
from apps.datalake_ingestion.models import LakeFile
from apps.datalake_ingestion.operations import collecting
from wildrydes import topology
from wildrydes.envelope import Envelope
from wildrydes.models import Message

PAGE = 2_000
COLLECTS = "datalake_ingestion.collect_"

LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('lake backfill', 0))"

# The range by time is found once, by the index on time; from then on positions lead.
SPAN = """
SELECT coalesce(min(position), 1) - 1, coalesce(max(position), 0) FROM (
    SELECT position FROM wildrydes_message
    WHERE published_at >= %s AND published_at < %s OFFSET 0
) AS found
"""

# What is unrouted, in a dispatch, retrying, parked or dead comes, or does not come, by itself.
SETTLED = """
WITH page AS MATERIALIZED (
    SELECT position, id, type, not_before FROM wildrydes_message
    WHERE position > %(after)s AND position <= %(last)s AND type = ANY(%(types)s)
        AND published_at >= %(since)s AND published_at < %(until)s
        AND (recipients IS NULL OR recipients && %(subscriptions)s::varchar[])
    ORDER BY position LIMIT %(limit)s
)
SELECT page.position, page.id,
    page.id NOT IN (
        SELECT unnest(message_ids) FROM wildrydes_dispatch
        WHERE subscription = ANY(%(subscriptions)s)
    ) AND NOT EXISTS (
        SELECT FROM wildrydes_unrouted AS unrouted WHERE unrouted.position = page.position
    ) AND NOT EXISTS (
        SELECT FROM wildrydes_receipt AS receipt
        WHERE receipt.message_id = page.id AND receipt.subscription = ANY(%(subscriptions)s)
            AND receipt.status NOT IN ('done', 'dropped')
    ),
    EXISTS (
        SELECT FROM wildrydes_receipt AS receipt
        WHERE receipt.message_id = page.id AND receipt.subscription = ANY(%(subscriptions)s)
    )
FROM page ORDER BY page.position
"""

CLAIM = """
INSERT INTO wildrydes_receipt (subscription, message_id, message_type, status, attempts, starts,
    done_at, group_id, position, worker, error, traceback)
SELECT incoming.subscription, incoming.id, incoming.type, 'done', 1, 0, now(), '',
    incoming.position, 'backfill', '', ''
FROM unnest(%s::text[], %s::uuid[], %s::text[], %s::bigint[])
    AS incoming (subscription, id, type, position)
ORDER BY incoming.id
ON CONFLICT (message_id, subscription) DO NOTHING
RETURNING message_id
"""


@dataclass(frozen=True)
class Backfilled:
    """How far a backfill is: messages of the log, those put into the lake, and lost files."""

    looked_at: int = 0
    added: int = 0
    lost_files: int = 0


@dataclass(frozen=True)
class _Page:
    """Messages of the log that come by no other way, and which of them have a receipt."""

    messages: Sequence[Message]
    known: frozenset[UUID]
    looked_at: int
    position: int


def types() -> tuple[str, ...]:
    """Return every type that goes to the lake."""
    current = topology.current()
    entries = (entry for entry in current.subscriptions if entry.name.startswith(COLLECTS))
    return tuple(sorted({type_ for entry in entries for type_ in current.types_of(entry)}))


def backfill(
    *,
    since: datetime,
    until: datetime,
    only: Sequence[str],
    lake: Lake,
    now: datetime,
    dry_run: bool = False,
) -> Iterator[Backfilled]:
    """Put what is missing into the lake, oldest first; yield how far it is after each page.

    Must not run inside a transaction. May be broken off, and run again, at any time.
    """
    position, last = _span(since, until)
    names = list(_subscriptions())
    done = Backfilled()
    while position < last:
        with transaction.atomic(durable=True):
            page = _page(
                after=position, last=last, since=since, until=until, types=list(only), names=names
            )
            added, files, lost = _restore(page, lake=lake, now=now, dry_run=dry_run)
        for file in files:
            collecting.write_file(lake_file=file, lake=lake, now=now)
        position = page.position if page.looked_at == PAGE else last
        done = replace(
            done,
            looked_at=done.looked_at + page.looked_at,
            added=done.added + added,
            lost_files=done.lost_files + lost,
        )
        yield done


def _restore(
    page: _Page, *, lake: Lake, now: datetime, dry_run: bool
) -> tuple[int, list[UUID], int]:
    """Collect what the lake lacks; return how many, their files, and how many files were lost."""
    here, lost = _ids_in_lake([message.to_envelope() for message in page.messages], lake=lake)
    missing = [message for message in page.messages if message.id not in here]
    if dry_run:
        return len(missing), [], len(lost)
    _forget(lost)
    claimed = _claim([message for message in missing if message.id not in page.known])
    restored = [item for item in missing if item.id in page.known or item.id in claimed]
    if not restored:
        return 0, [], len(lost)
    files = collecting.collect_events(events=[item.to_envelope() for item in restored], now=now)
    return len(restored), files, len(lost)


def _ids_in_lake(events: Sequence[Envelope], *, lake: Lake) -> tuple[set[UUID], list[LakeFile]]:
    """Return which events are in the lake or on their way there, and the files that are lost."""
    wanted = {str(event.id) for event in events}
    found: set[str] = set()
    lost: list[LakeFile] = []
    for row in _files_of({collecting.place_of(event) for event in events}):
        if row.written_at is None:
            found.update(event["id"] for event in row.events or [])
            continue
        ids = _ids_in_file(row, wanted, lake=lake)
        if ids is None:
            lost.append(row)
        else:
            found.update(ids)
    return {UUID(name) for name in found & wanted}, lost


def _files_of(places: Iterable[tuple[str, date]]) -> Iterable[LakeFile]:
    """Return the files of some types and days, written or not: one statement, so one moment.

    Until the transaction ends no other file takes the place of any of them.
    """
    there = Q()
    for type_, day in sorted(places):
        locks.share("files", type_, day)
        there |= Q(type=type_, day=day)
    return (queries.live_files() | queries.unwritten_files()).filter(there) if there else []


def _forget(lost: Sequence[LakeFile]) -> None:
    """Let the lines of lost files go, and the plans to merge them with others."""
    plans = [row.merged_into_id for row in lost if row.merged_into_id is not None]
    LakeFile.objects.filter(merged_into__in=plans).update(merged_into=None)
    LakeFile.objects.filter(id__in=[*plans, *(row.id for row in lost)]).delete()


def _ids_in_file(row: LakeFile, wanted: set[str], *, lake: Lake) -> list[str] | None:
    """Return which of the wanted ids are in a file, or nothing where there is no such file."""
    try:
        rows = parquet.read(lake.get(queries.whereabouts(row, lake=lake)))
    except FileNotFoundError:
        return None
    ids = rows.column("id")
    matching: list[str] = ids.filter(pc.is_in(ids, value_set=parquet.texts(wanted))).to_pylist()
    return matching


def _claim(messages: Sequence[Message]) -> set[UUID]:
    """Give receipts to messages that have none; return those that nobody claimed meanwhile."""
    owners = {type_: name for name, types_ in _subscriptions().items() for type_ in types_}
    columns: list[Any] = [
        [owners[message.type] for message in messages],
        [message.id for message in messages],
        [message.type for message in messages],
        [message.position for message in messages],
    ]
    with connection.cursor() as cursor:
        cursor.execute(CLAIM, columns)
        return {message_id for (message_id,) in cursor.fetchall()}


def _page(*, names: Sequence[str], **parameters: Any) -> _Page:
    with connection.cursor() as cursor:
        cursor.execute(LOCK)
        cursor.execute(SETTLED, {**parameters, "subscriptions": list(names), "limit": PAGE})
        rows = cursor.fetchall()
    settled = [message_id for _, message_id, is_settled, _ in rows if is_settled]
    messages = list(Message.objects.filter(id__in=settled, kind="event").order_by("position"))
    known = frozenset(message_id for _, message_id, _, has_receipt in rows if has_receipt)
    return _Page(messages, known, len(rows), rows[-1][0] if rows else 0)


def _subscriptions() -> dict[str, tuple[str, ...]]:
    """Return the types of each subscription that collects events."""
    current = topology.current()
    return {
        entry.name: current.types_of(entry)
        for entry in current.subscriptions
        if entry.name.startswith(COLLECTS)
    }


def _span(since: datetime, until: datetime) -> tuple[int, int]:
    with connection.cursor() as cursor:
        cursor.execute(SPAN, [since, until])
        row = cursor.fetchone()
    assert row is not None
    return row[0], row[1]
