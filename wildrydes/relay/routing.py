"""Content-Based Router: committed messages become waiting dispatches, by topology and filter.

Also takes up the messages whose retry is due; from here on the two travel alike.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

import orjson
import structlog
from django.db import connection

from wildrydes import message_log, prepared, recipients, topology
from wildrydes.envelope import Envelope
from wildrydes.models import Dispatch
from wildrydes.relay import batches

log = structlog.get_logger(__name__)

CLAIM_UNROUTED = f"""
WITH due AS (
    SELECT due_at, position FROM wildrydes_unrouted WHERE due_at <= now()
    ORDER BY due_at, position LIMIT %s FOR UPDATE SKIP LOCKED
), claimed AS (
    DELETE FROM wildrydes_unrouted AS unrouted USING due
    WHERE unrouted.due_at = due.due_at AND unrouted.position = due.position
    RETURNING unrouted.position
)
SELECT {message_log.COLUMNS} FROM wildrydes_message JOIN claimed USING (position) ORDER BY position
"""  # noqa: S608 - constants

CLAIM_DUE_RECEIPTS = """
UPDATE wildrydes_receipt SET next_attempt_at = NULL WHERE id IN (
    SELECT id FROM wildrydes_receipt WHERE status = 'retrying' AND next_attempt_at <= now()
    ORDER BY next_attempt_at LIMIT %s FOR UPDATE SKIP LOCKED
) RETURNING subscription, message_id, group_id, position, octet_length(message::text)
"""

PUT_OFF = """
INSERT INTO wildrydes_unrouted (due_at, position)
SELECT now() + interval '1 minute', position FROM unnest(%s::bigint[]) AS position
"""

PUT_OFF_RETRIES = """
UPDATE wildrydes_receipt AS receipt SET next_attempt_at = now() + interval '1 minute'
FROM unnest(%s::text[], %s::uuid[]) AS astray (subscription, message_id)
WHERE receipt.subscription = astray.subscription AND receipt.message_id = astray.message_id
"""


@dataclass(frozen=True)
class Parcel:
    """One message for one subscription, not yet in a dispatch."""

    message_id: UUID
    group_id: str
    position: int
    weight: int
    size: int = 1


class Routed(NamedTuple):
    """How many messages became how many dispatches; of those from the log the JSON, by id."""

    messages: int
    dispatches: int
    events: Mapping[UUID, bytes]


def route_messages(*, limit: int) -> Routed:
    """Turn up to `limit` due messages into waiting dispatches.

    An event may be wanted by nobody. A command that nobody takes is looked at again in a minute.

    Must run inside a transaction that holds the turn (see `turns`): positions that two relays
    routed side by side could leave in the wrong order.
    """
    events: dict[UUID, bytes] = {}
    wanted: dict[str, list[Parcel]] = defaultdict(list)
    untaken: list[message_log.Row] = []
    for row in message_log.rows_of(prepared.execute(CLAIM_UNROUTED, [limit])):
        envelope = row.to_envelope()
        event = events[row.id] = row.encode(envelope)
        parcel = Parcel(row.id, row.group_id, row.position, len(event))
        takers = recipients.of(envelope, named=row.recipients)
        for subscription in takers:
            wanted[subscription.name].append(parcel)
        if row.kind == "command" and not takers:
            untaken.append(row)
    _put_off(untaken)
    return Routed(len(events), enter(wanted, source=Dispatch.Source.LOG), events)


def schedule_retries(*, limit: int) -> Routed:
    """Turn up to `limit` receipts whose next attempt is due into waiting dispatches.

    Must run inside a transaction that holds the turn. A receipt whose subscription is gone from the
    topology is looked at again in a minute.
    """
    with prepared.execute(CLAIM_DUE_RECEIPTS, [limit]) as cursor:
        rows = cursor.fetchall()
    wanted: dict[str, list[Parcel]] = defaultdict(list)
    astray: list[tuple[str, UUID]] = []
    homes = topology.current().homes
    for subscription, message_id, group_id, position, weight in rows:
        if subscription not in homes:
            astray.append((subscription, message_id))
            continue
        wanted[subscription].append(Parcel(message_id, group_id, position, weight or 0))
    _put_off_retries(astray)
    return Routed(len(rows), enter(wanted, source=Dispatch.Source.RECEIPTS), {})


def _put_off(commands: Sequence[message_log.Row]) -> None:
    if commands:
        with connection.cursor() as cursor:
            cursor.execute(PUT_OFF, [[row.position for row in commands]])
        types = sorted({row.type for row in commands})
        log.error("commands_without_taker", types=types, count=len(commands))


def _put_off_retries(astray: Sequence[tuple[str, UUID]]) -> None:
    if astray:
        names, ids = zip(*astray, strict=True)
        with connection.cursor() as cursor:
            cursor.execute(PUT_OFF_RETRIES, [list(names), list(ids)])
        log.error("retries_of_nobody", subscriptions=sorted(set(names)), count=len(astray))


def parcel_of(envelope: Envelope) -> Parcel:
    """Return a message of the log as a parcel."""
    weight = len(orjson.dumps(envelope.to_cloudevent()))
    return Parcel(envelope.id, envelope.group_id, envelope.position, weight)


def enter(wanted: Mapping[str, Sequence[Parcel]], *, source: Dispatch.Source) -> int:
    """Store waiting dispatches of these parcels for each subscription, by its name; count them."""
    new = [
        dispatch for name, parcels in wanted.items() for dispatch in _pack(name, parcels, source)
    ]
    prepared.insert(new)
    return len(new)


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
