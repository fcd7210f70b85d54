"""Turn prebookings that are due into requests for quotes, and write down what came of those."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from apps.ride_booking.messages import RequestInstantRide
from apps.ride_prebooking import rules
from apps.ride_prebooking.models import Prebooking
from apps.ride_prebooking.operations import telling
from apps.ride_prebooking.rules import Reason, Status
from wildrydes import publishing
from wildrydes.envelope import Envelope
from wildrydes.outgoing import Body

RECORD = """
UPDATE ride_prebooking_prebooking AS row
SET status = said.status, reason = said.reason, rfq = said.rfq, ride = said.ride, ended_at = %s,
    busy_until = CASE WHEN said.ride IS NULL THEN row.ride_at ELSE row.busy_until END
FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::uuid[], %s::uuid[])
    AS said (id, status, reason, rfq, ride)
WHERE row.id = said.id
"""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of a prebooking that was due; `ride` is None where no unicorn was found."""

    prebooking: UUID
    rfq: UUID | None
    ride: UUID | None
    cause: Envelope


def dispatch(*, causes: Mapping[UUID, Envelope], now: datetime) -> None:
    """Ask for a unicorn for each of these that is confirmed; give up what is long over.

    `causes` are the messages that say that they are due. Must be called inside a transaction. One
    that was cancelled, or is under way already, is left as it is.
    """
    confirmed = Prebooking.objects.filter(id__in=causes, status=Status.CONFIRMED)
    rows = {row.id: row for row in confirmed.order_by("id").select_for_update()}
    over = {id for id, row in rows.items() if row.ride_at + rules.GIVEN_UP_AFTER < now}
    due = [row for id, row in rows.items() if id not in over]
    Prebooking.objects.filter(id__in=[row.id for row in due]).update(status=Status.DUE)
    publishing.send_all(
        [
            publishing.Outgoing(
                body=_request(row),
                subject=str(row.id),
                group_id=str(row.id),
                cause=causes[row.id],
            )
            for row in due
        ]
    )
    missed = [Outcome(prebooking=id, rfq=None, ride=None, cause=causes[id]) for id in sorted(over)]
    _record(rows, missed, now=now)


def record(*, outcomes: Sequence[Outcome], now: datetime) -> None:
    """Write down what came of prebookings that were due, and tell so.

    Must be called inside a transaction. What is written down already is left as it is.
    """
    ids = [item.prebooking for item in outcomes]
    due = Prebooking.objects.filter(id__in=ids, status=Status.DUE)
    rows = {row.id: row for row in due.order_by("id").select_for_update()}
    by_row = {item.prebooking: item for item in outcomes if item.prebooking in rows}
    _record(rows, list(by_row.values()), now=now)


def _record(rows: Mapping[UUID, Prebooking], outcomes: Sequence[Outcome], *, now: datetime) -> None:
    if not outcomes:
        return
    columns: list[list[Any]] = [
        [item.prebooking for item in outcomes],
        [Status.DISPATCHED if item.ride else Status.UNFULFILLED for item in outcomes],
        ["" if item.ride else Reason.NO_UNICORN.value for item in outcomes],
        [item.rfq for item in outcomes],
        [item.ride for item in outcomes],
    ]
    with connection.cursor() as cursor:
        cursor.execute(RECORD, [now, *columns])
    telling.publish(
        (rows[item.prebooking], _event(rows[item.prebooking], item, now=now), item.cause)
        for item in outcomes
    )


def _event(row: Prebooking, outcome: Outcome, *, now: datetime) -> Body:
    if outcome.ride is None or outcome.rfq is None:
        return telling.unfulfilled(row, now=now)
    return telling.dispatched(row, rfq=outcome.rfq, booked=outcome.ride, now=now)


def _request(row: Prebooking) -> RequestInstantRide:
    return RequestInstantRide(
        prebooking=row.id,
        customer=row.customer,
        origin=row.origin,
        destination=row.destination,
        price_limit=row.price_limit,
        discount_percent=row.discount_percent,
    )
