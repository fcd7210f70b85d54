"""Content-Based Router: committed messages become waiting dispatches, by topology and filter.

Also takes up the messages whose retry is due; from here on the two travel alike.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
from django.db import connection

from wildrydes import recipients, topology
from wildrydes.envelope import Envelope
from wildrydes.models import Dispatch, Message
from wildrydes.relay import batches

CLAIM_UNROUTED = """
WITH due AS (
    SELECT due_at, position FROM wildrydes_unrouted WHERE due_at <= now()
    ORDER BY due_at, position LIMIT %s FOR UPDATE SKIP LOCKED
), claimed AS (
    DELETE FROM wildrydes_unrouted AS unrouted USING due
    WHERE unrouted.due_at = due.due_at AND unrouted.position = due.position
    RETURNING unrouted.position
)
SELECT message.* FROM wildrydes_message AS message JOIN claimed USING (position)
ORDER BY position
"""

CLAIM_DUE_RECEIPTS = """
UPDATE wildrydes_receipt SET next_attempt_at = NULL WHERE id IN (
    SELECT id FROM wildrydes_receipt WHERE status = 'retrying' AND next_attempt_at <= now()
    ORDER BY next_attempt_at LIMIT %s FOR UPDATE SKIP LOCKED
) RETURNING subscription, message_id, group_id, position, octet_length(message::text)
"""


@dataclass(frozen=True)
class Parcel:
    """One message for one subscription, not yet in a dispatch."""

    message_id: UUID
    event: Mapping[str, Any]
    group_id: str
    position: int
    weight: int
    size: int = 1


def route_messages(*, limit: int) -> dict[UUID, Mapping[str, Any]]:
    """Turn up to `limit` due messages into waiting dispatches; return their CloudEvents by id.

    Must run inside a transaction that holds the turn (see `turns`): positions that two relays
    routed side by side could leave in the wrong order.
    """
    parcels: dict[UUID, Parcel] = {}
    wanted: dict[str, list[Parcel]] = defaultdict(list)
    for message in Message.objects.raw(CLAIM_UNROUTED, [limit]):
        envelope = message.to_envelope()
        parcel = parcels[message.id] = parcel_of(envelope)
        for subscription in recipients.of(envelope, named=message.recipients):
            wanted[subscription.name].append(parcel)
    enter(wanted, source=Dispatch.Source.LOG)
    return {parcel.message_id: parcel.event for parcel in parcels.values()}


def schedule_retries(*, limit: int) -> int:
    """Turn up to `limit` receipts whose next attempt is due into waiting dispatches; count them.

    Must run inside a transaction. A receipt whose subscription is gone from the topology stays
    as it is, without a next attempt.
    """
    with connection.cursor() as cursor:
        cursor.execute(CLAIM_DUE_RECEIPTS, [limit])
        rows = cursor.fetchall()
    wanted: dict[str, list[Parcel]] = defaultdict(list)
    for subscription, message_id, group_id, position, weight in rows:
        wanted[subscription].append(Parcel(message_id, {}, group_id, position, weight or 0))
    enter(wanted, source=Dispatch.Source.RECEIPTS)
    return len(rows)


def parcel_of(envelope: Envelope) -> Parcel:
    """Return a message of the log as a parcel."""
    event = envelope.to_cloudevent()
    weight = len(orjson.dumps(event))
    return Parcel(envelope.id, event, envelope.group_id, envelope.position, weight)


def enter(wanted: Mapping[str, Sequence[Parcel]], *, source: Dispatch.Source) -> None:
    """Store waiting dispatches of these parcels for each subscription, by its name."""
    Dispatch.objects.bulk_create(
        dispatch for name, parcels in wanted.items() for dispatch in _pack(name, parcels, source)
    )


def _pack(name: str, parcels: Sequence[Parcel], source: Dispatch.Source) -> Iterable[Dispatch]:
    """Make waiting dispatches: of anything together, or, to keep order, one for each group."""
    subscription = topology.current().subscription(name)
    queue = topology.current().queue(subscription.queue)
    bounds = batches.Bounds(queue.batch_items, queue.batch_bytes)
    for group, members in _lines(parcels, in_order=subscription.fifo):
        for batch in batches.split(members, bounds=bounds):
            yield Dispatch(
                subscription=name,
                queue=queue.name,
                source=source,
                message_ids=[parcel.message_id for parcel in batch],
                position=batch[0].position,
                groups=[group] if group else [],
                size=len(batch),
                weight=sum(parcel.weight for parcel in batch),
            )


def _lines(parcels: Sequence[Parcel], *, in_order: bool) -> Iterator[tuple[str, list[Parcel]]]:
    """Yield who has to stand in one line, by position; those without a group share one."""
    lines: dict[str, list[Parcel]] = defaultdict(list)
    for parcel in sorted(parcels, key=lambda parcel: parcel.position):
        lines[parcel.group_id if in_order else ""].append(parcel)
    yield from lines.items()
