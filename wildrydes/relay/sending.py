"""Adaptive batches: what waits for a queue goes out together, as far as the queue has room.

Idle, a dispatch is one message and goes out at once. Under load the queue's few places are taken,
dispatches wait in Postgres, and those that wait are merged when a place comes free. So batches
grow by themselves, and Redis holds a bounded amount whatever the backlog.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import chain, islice
from typing import Any
from uuid import UUID

import structlog
from django.db import connection
from django.db.models import F
from prometheus_client import Counter

from wildrydes import crashpoints, topology, wire
from wildrydes.models import Dispatch, Message, Receipt, new_id
from wildrydes.relay import batches

log = structlog.get_logger(__name__)

SENT = Counter("wildrydes_dispatches_sent", "Celery messages sent.", ["subscription"])
MERGED_AT_MOST = 64

Events = Mapping[UUID, Mapping[str, Any]]

WAITING_WITH_ROOM = """
SELECT dispatch.*, queue.max_open - open.taken AS room
FROM unnest(%s::text[], %s::int[]) AS queue (name, max_open)
CROSS JOIN LATERAL (
    SELECT count(*) AS taken FROM wildrydes_dispatch
    WHERE queue = queue.name AND sent_at IS NOT NULL
) AS open
CROSS JOIN LATERAL (
    SELECT * FROM wildrydes_dispatch AS waiting
    WHERE queue = queue.name AND sent_at IS NULL AND NOT EXISTS (
        SELECT 1 FROM wildrydes_dispatch AS ahead
        WHERE waiting.groups <> '{}' AND ahead.queue = queue.name AND ahead.sent_at IS NOT NULL
            AND ahead.subscription = waiting.subscription AND ahead.groups && waiting.groups
    )
    ORDER BY position LIMIT greatest(0, queue.max_open - open.taken) * %s
) AS dispatch
ORDER BY dispatch.position
"""

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


def claim() -> list[Dispatch]:
    """Take the waiting dispatches for which there is room, merged; mark them sent and leased.

    Must run inside a transaction that holds the turn (see `turns`). What is returned has to be put
    on the wire after the commit. No two open dispatches of a subscription hold the same group.
    """
    queues = topology.current().queues
    parameters = [
        [queue.name for queue in queues],
        [queue.max_open for queue in queues],
        MERGED_AT_MOST,
    ]
    by_queue: dict[str, list[Dispatch]] = defaultdict(list)
    for dispatch in Dispatch.objects.raw(WAITING_WITH_ROOM, parameters):
        by_queue[dispatch.queue].append(dispatch)
    chosen = list(chain.from_iterable(_merge(waiting) for waiting in by_queue.values()))
    mark_sent(chosen)
    return chosen


def mark_sent(dispatches: Sequence[Dispatch]) -> None:
    """Stamp the dispatches as sent now, with a fresh lease and one attempt more."""
    if not dispatches:
        return
    leases = [topology.current().queue(dispatch.queue).lease for dispatch in dispatches]
    by_id = {dispatch.id: dispatch for dispatch in dispatches}
    with connection.cursor() as cursor:
        cursor.execute(MARK_SENT, [list(by_id), leases])
        for dispatch_id, sent_at, attempt in cursor.fetchall():
            by_id[dispatch_id].sent_at = sent_at
            by_id[dispatch_id].attempt = attempt


def put_on_wire(dispatches: Sequence[Dispatch], *, origin: str, known: Events) -> None:
    """Send each dispatch with its messages; `known` spares reading those of the log again.

    When Redis does not take one, it and those after it wait again, and the error is raised.
    """
    logged = {**known, **_missing_from(known, dispatches)}
    for index, dispatch in enumerate(dispatches):
        delivery = _delivery(dispatch, origin=origin, messages=_messages_of(dispatch, logged))
        try:
            wire.put(delivery, subscription=dispatch.subscription, queue=dispatch.queue)
        except wire.WIRE_ERRORS:
            _wait_again(dispatches[index:])
            raise
        crashpoints.reach("relay.sent")
        SENT.labels(dispatch.subscription).inc()


def _merge(waiting: Sequence[Dispatch]) -> list[Dispatch]:
    """Merge what may travel together; return as many dispatches as the queue has room for."""
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
    return [_into_one(batch) for batch in islice(_keeping_groups_apart(merged), room)]


def _keeping_groups_apart(merged: Iterable[list[Dispatch]]) -> Iterator[list[Dispatch]]:
    """Leave out, in each batch, the groups that an earlier batch of the subscription holds."""
    held: set[tuple[str, str]] = set()
    for batch in merged:
        names = [{(item.subscription, group) for group in item.groups} for item in batch]
        free = [item for item, own in zip(batch, names, strict=True) if held.isdisjoint(own)]
        held.update(*names)
        if free:
            yield free


def _into_one(batch: Sequence[Dispatch]) -> Dispatch:
    """Merge under a new id: a copy of the first that is on the wire closes only what it holds."""
    first, *others = batch
    if others:
        replaced = first.id
        first.id = new_id()
        first.message_ids = [message_id for item in batch for message_id in item.message_ids]
        first.groups = sorted({group for item in batch for group in item.groups})
        first.size = sum(item.size for item in batch)
        first.weight = sum(item.weight for item in batch)
        first.attempt = max(item.attempt for item in batch)
        Dispatch.objects.filter(id__in=[replaced, *(item.id for item in others)]).delete()
        first.save(force_insert=True)
    return first


def _delivery(
    dispatch: Dispatch, *, origin: str, messages: Sequence[Mapping[str, Any]]
) -> wire.Delivery:
    return wire.Delivery(
        dispatch_id=dispatch.id,
        origin=origin,
        attempt=dispatch.attempt,
        sent_at=dispatch.sent_at or datetime.now(UTC),
        messages=messages,
    )


def _messages_of(dispatch: Dispatch, logged: Events) -> list[Mapping[str, Any]]:
    """Return a dispatch's messages in order; of receipts only those that are not done meanwhile."""
    if dispatch.source == Dispatch.Source.RECEIPTS:
        kept = dict(_kept_by_receipts(dispatch))
        return [kept[key] for key in dispatch.message_ids if key in kept]
    missing = [str(key) for key in dispatch.message_ids if key not in logged]
    if missing:
        log.error("messages_missing", dispatch=str(dispatch.id), messages=missing)
    messages = [logged[key] for key in dispatch.message_ids if key in logged]
    if dispatch.source == Dispatch.Source.REPLAY:
        return [{**event, "replayed": True} for event in messages]
    return messages


def _missing_from(known: Events, dispatches: Iterable[Dispatch]) -> Events:
    wanted = {
        message_id
        for dispatch in dispatches
        if dispatch.source != Dispatch.Source.RECEIPTS
        for message_id in dispatch.message_ids
    }
    return dict(_kept_by_log(wanted - known.keys())) if wanted - known.keys() else {}


def _kept_by_log(message_ids: set[UUID]) -> Iterator[tuple[UUID, Mapping[str, Any]]]:
    for message in Message.objects.filter(id__in=message_ids):
        yield message.id, message.to_envelope().to_cloudevent()


def _kept_by_receipts(dispatch: Dispatch) -> Iterator[tuple[UUID, Mapping[str, Any]]]:
    receipts = Receipt.objects.filter(
        subscription=dispatch.subscription,
        message_id__in=dispatch.message_ids,
        message__isnull=False,
    )
    for message_id, event in receipts.values_list("message_id", "message"):
        yield message_id, event or {}


def _wait_again(dispatches: Sequence[Dispatch]) -> None:
    Dispatch.objects.filter(id__in=[dispatch.id for dispatch in dispatches]).update(
        sent_at=None, lease_until=None, attempt=F("attempt") - 1
    )
