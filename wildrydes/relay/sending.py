"""Adaptive batches: what waits for a queue goes out together, as far as the queue has room.

Idle, a dispatch is one message and goes out at once. Under load the queue's few places are taken,
dispatches wait in Postgres, and those that wait are merged when a place comes free. So batches
grow by themselves, and Redis holds a bounded amount whatever the backlog. Of a queue that has a
limit no more goes out than `pacing` has tokens for.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain, islice
from uuid import UUID

import orjson
import structlog
from django.db import connection
from django.db.models import F
from prometheus_client import Counter

from wildrydes import crashpoints, message_log, postgres, prepared, topology, wire
from wildrydes.answering import carrier
from wildrydes.models import Dispatch, new_id
from wildrydes.relay import batches, homes, pacing
from wildrydes.relay.recent import Events, RecentMessages

log = structlog.get_logger(__name__)

SENT = Counter("wildrydes_dispatches_sent", "Celery messages sent.", ["subscription"])
MERGED_AT_MOST = 64
TOGETHER = 32  # dispatches that go to Redis in one round trip
FEW = 8

# Without the ids of messages where they are many: most dispatches that are looked at under load
# have to go on waiting.
WAITING_WITH_ROOM = f"""
SELECT dispatch.id, dispatch.subscription, dispatch.queue, dispatch.source, dispatch.position,
    dispatch.groups, dispatch.size, dispatch.weight, dispatch.attempt,
    dispatch.created_at, dispatch.sent_at, dispatch.lease_until,
    queue.max_open - open.taken AS room, queue.per_second, queue.tokens, queue.looked_at,
    CASE WHEN dispatch.size <= %s THEN dispatch.message_ids END AS few_ids
FROM ({pacing.QUEUES}) AS queue
CROSS JOIN LATERAL (
    SELECT count(*) AS taken FROM wildrydes_dispatch
    WHERE queue = queue.name AND sent_at IS NOT NULL
) AS open
CROSS JOIN LATERAL (
    SELECT * FROM wildrydes_dispatch AS waiting
    WHERE queue = queue.name AND sent_at IS NULL AND NOT EXISTS (
        SELECT 1 FROM wildrydes_dispatch AS ahead
        WHERE waiting.groups <> '{{}}' AND ahead.queue = queue.name AND ahead.sent_at IS NOT NULL
            AND ahead.subscription = waiting.subscription AND ahead.groups && waiting.groups
    )
    ORDER BY position LIMIT least(
        greatest(0, queue.max_open - open.taken) * %s,
        CASE WHEN queue.tokens IS NOT NULL THEN greatest(1, floor(queue.tokens))::bigint END
    )
) AS dispatch
ORDER BY dispatch.position
"""  # noqa: S608 - constants

# Leases end in the order in which the dispatches stand in their queues: of several that have
# lapsed, those that a worker has taken are the first.
MARK_SENT = """
UPDATE wildrydes_dispatch AS dispatch
SET sent_at = statement_timestamp(), attempt = dispatch.attempt + 1,
    lease_until = statement_timestamp() + chosen.lease + chosen.place * interval '1 microsecond'
FROM unnest(%s::uuid[], %s::interval[]) WITH ORDINALITY AS chosen (id, lease, place)
WHERE dispatch.id = chosen.id
RETURNING dispatch.id, dispatch.sent_at, dispatch.attempt
"""

KEPT_BY_RECEIPTS = """
SELECT message_id, message::text FROM wildrydes_receipt
WHERE subscription = %s AND message_id = ANY(%s) AND message IS NOT NULL
"""


@dataclass(frozen=True)
class Claim:
    """What has to be put on the wire after the commit, and in how many seconds more may go.

    `all_seen` says that each dispatch goes as it was found: nothing was merged or left behind.
    """

    dispatches: list[Dispatch]
    more_in: float = float("inf")
    all_seen: bool = True


def claim() -> Claim:
    """Take the waiting dispatches for which there is room, merged; mark them sent and leased.

    Must run inside a transaction that holds the turn (see `turns`). No two open dispatches of a
    subscription hold the same group.
    """
    planned = postgres.here().planned_once(WAITING_WITH_ROOM)
    waiting = Dispatch.objects.raw(planned, _room())
    found = [dispatch for dispatch in waiting if homes.has_home(dispatch)]
    by_queue: dict[str, list[Dispatch]] = defaultdict(list)
    for dispatch in found:
        by_queue[dispatch.queue].append(dispatch)
    buckets = pacing.buckets(queued[0] for queued in by_queue.values())
    merged = chain.from_iterable(_merge(queued) for queued in by_queue.values())
    going = pacing.within_reach(merged, buckets=buckets)
    _find_message_ids(list(chain.from_iterable(going)))
    still_there = ([item for item in batch if item.message_ids is not None] for batch in going)
    covered = pacing.cover((batch for batch in still_there if batch), buckets=buckets)
    more_in = min((bucket.seconds for bucket in buckets.values()), default=float("inf"))
    sent = mark_sent(_into_one_each(covered))
    return Claim(sent, more_in, all_seen=len(sent) == len(found))


def _room() -> list[object]:
    queues = topology.current().queues
    return [
        FEW,
        [queue.name for queue in queues],
        [queue.max_open for queue in queues],
        [queue.per_second for queue in queues],
        MERGED_AT_MOST,
    ]


def mark_sent(dispatches: Sequence[Dispatch]) -> list[Dispatch]:
    """Stamp the dispatches as sent now, with a fresh lease and one attempt more.

    Return those that are still there: an earlier copy of one that waits again may close it any
    time.
    """
    if not dispatches:
        return []
    leases = [topology.current().queue(dispatch.queue).lease for dispatch in dispatches]
    by_id = {dispatch.id: dispatch for dispatch in dispatches}
    with prepared.execute(MARK_SENT, [list(by_id), leases]) as cursor:
        marked = cursor.fetchall()
    for dispatch_id, sent_at, attempt in marked:
        by_id[dispatch_id].sent_at = sent_at
        by_id[dispatch_id].attempt = attempt
    there = {dispatch_id for dispatch_id, *_ in marked}
    return [dispatch for dispatch in dispatches if dispatch.id in there]


def put_on_wire(dispatches: Sequence[Dispatch], *, origin: str, recent: RecentMessages) -> None:
    """Send each dispatch with its messages; `recent` spares reading those of the log again.

    When Redis is away what it did not take waits again. When it refuses something the rest waits
    again, and what went together with that keeps its lease: when that lapses, what has not arrived
    is sent by itself. The error is raised in either case.
    """
    logged = _from_log(dispatches, recent)
    waiting = list(dispatches)
    try:
        following = carrier.following(dispatches)
        while waiting:
            together = waiting[:TOGETHER]
            deliveries = [
                wire.Addressed(
                    delivery=_delivery(item, origin=origin, messages=_messages_of(item, logged)),
                    subscription=item.subscription,
                    queue=item.queue,
                    then=following.get(item.id, ()),
                )
                for item in together
            ]
            wire.put(deliveries)
            del waiting[:TOGETHER]
            crashpoints.reach("relay.sent")
            for item in together:
                SENT.labels(item.subscription).inc()
    except wire.WIRE_ERRORS as error:
        _wait_again(waiting[TOGETHER:] if wire.is_refusal(error) else waiting)
        raise


def _merge(waiting: Sequence[Dispatch]) -> list[list[Dispatch]]:
    """Return what may travel together, as many batches as the queue has room for."""
    alike: dict[tuple[str, str], list[Dispatch]] = defaultdict(list)
    for dispatch in waiting:
        alike[dispatch.subscription, dispatch.source].append(dispatch)
    queue = topology.current().queue(waiting[0].queue)
    bounds = batches.Bounds(queue.batch_items, queue.batch_bytes)
    merged = [
        batch for members in alike.values() for batch in batches.split(members, bounds=bounds)
    ]
    merged.sort(key=lambda batch: batch[0].position)
    room: int = waiting[0].room  # type: ignore[attr-defined]
    return list(islice(_keeping_groups_apart(merged), room))


def _keeping_groups_apart(merged: Iterable[list[Dispatch]]) -> Iterator[list[Dispatch]]:
    """Leave out, in each batch, the groups that an earlier batch of the subscription holds."""
    held: set[tuple[str, str]] = set()
    for batch in merged:
        names = [{(item.subscription, group) for group in item.groups} for item in batch]
        free = [item for item, own in zip(batch, names, strict=True) if held.isdisjoint(own)]
        held.update(*names)
        if free:
            yield free


def _find_message_ids(dispatches: Sequence[Dispatch]) -> None:
    """Set the ids of messages; none on a dispatch that was closed meanwhile."""
    ids: dict[UUID, list[UUID]] = {
        dispatch.id: dispatch.few_ids  # type: ignore[attr-defined]
        for dispatch in dispatches
    }
    many = [dispatch_id for dispatch_id, few in ids.items() if few is None]
    if many:
        found = Dispatch.objects.filter(id__in=many)
        ids.update(found.values_list("id", "message_ids"))
    for dispatch in dispatches:
        dispatch.message_ids = ids[dispatch.id]


def _into_one_each(going: Sequence[Sequence[Dispatch]]) -> list[Dispatch]:
    """Merge each batch under a new id: a copy on the wire closes only what it holds."""
    several = [batch for batch in going if len(batch) > 1]
    replaced = [item.id for item in chain.from_iterable(several)]
    for batch in several:
        _merge_into_first(batch)
    if several:
        Dispatch.objects.filter(id__in=replaced).delete()
        Dispatch.objects.bulk_create(batch[0] for batch in several)
    return [batch[0] for batch in going]


def _merge_into_first(batch: Sequence[Dispatch]) -> None:
    first = batch[0]
    first.id = new_id()
    first.message_ids = [message_id for item in batch for message_id in item.message_ids]
    first.groups = sorted({group for item in batch for group in item.groups})
    first.size = sum(item.size for item in batch)
    first.weight = sum(item.weight for item in batch)
    first.attempt = max(item.attempt for item in batch)


def _delivery(dispatch: Dispatch, *, origin: str, messages: Sequence[bytes]) -> wire.Delivery:
    return wire.Delivery(
        dispatch_id=dispatch.id,
        origin=origin,
        attempt=dispatch.attempt,
        sent_at=dispatch.sent_at or datetime.now(UTC),
        messages=[orjson.Fragment(event) for event in messages],
    )


def _messages_of(dispatch: Dispatch, logged: Events) -> list[bytes]:
    """Return a dispatch's messages in order; of receipts only those that are not done meanwhile."""
    if dispatch.source == Dispatch.Source.RECEIPTS:
        kept = _kept_by_receipts(dispatch)
        return [kept[key] for key in dispatch.message_ids if key in kept]
    missing = [str(key) for key in dispatch.message_ids if key not in logged]
    if missing:
        log.error("messages_missing", dispatch=str(dispatch.id), messages=missing)
    messages = [logged[key] for key in dispatch.message_ids if key in logged]
    if dispatch.source == Dispatch.Source.REPLAY:
        return [_replayed(event) for event in messages]
    return messages


def _from_log(dispatches: Iterable[Dispatch], recent: RecentMessages) -> Events:
    """Return what the dispatches hold of the log, and remember what had to be read."""
    wanted = {
        message_id
        for dispatch in dispatches
        if dispatch.source != Dispatch.Source.RECEIPTS
        for message_id in dispatch.message_ids
    }
    found = recent.find(wanted)
    rows = message_log.by_id(wanted - found.keys())
    read = {message_id: row.encode() for message_id, row in rows.items()}
    recent.add(read)
    return {**found, **read}


def _replayed(event: bytes) -> bytes:
    """Return a CloudEvent that says it is replayed. No JSON object of one is empty."""
    return b'{"replayed":true,' + event[1:]


def _kept_by_receipts(dispatch: Dispatch) -> dict[UUID, bytes]:
    with connection.cursor() as cursor:
        cursor.execute(KEPT_BY_RECEIPTS, [dispatch.subscription, dispatch.message_ids])
        return {message_id: event.encode() for message_id, event in cursor.fetchall()}


def _wait_again(dispatches: Sequence[Dispatch]) -> None:
    Dispatch.objects.filter(id__in=[dispatch.id for dispatch in dispatches]).update(
        sent_at=None, lease_until=None, attempt=F("attempt") - 1
    )
