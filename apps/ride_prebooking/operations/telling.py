"""What is told of prebookings, each in the transaction that makes it true."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from apps.ride_prebooking import rules
from apps.ride_prebooking.messages import (
    PrebookingCancelled,
    PrebookingDispatched,
    PrebookingRejected,
    PrebookingSubmitted,
    PrebookingUnfulfilled,
    RidePrebooked,
)
from apps.ride_prebooking.models import Prebooking
from apps.ride_prebooking.rules import Reason
from wildrydes import publishing
from wildrydes.envelope import Envelope
from wildrydes.outgoing import Body, Outgoing


def publish(told: Iterable[tuple[Prebooking, Body, Envelope | None]]) -> None:
    """Publish an event about each of these; with the message that it follows from, if one does."""
    publishing.publish_all(
        [
            Outgoing(body=body, subject=str(row.id), group_id=str(row.id), cause=cause)
            for row, body, cause in told
        ]
    )


def submitted(row: Prebooking) -> PrebookingSubmitted:
    """Return the event that a prebooking is stored."""
    return PrebookingSubmitted(accepted_at=row.accepted_at, **ride(row))


def rejected(row: Prebooking, *, reason: Reason, now: datetime) -> PrebookingRejected:
    """Return the event that a prebooking is not to be had."""
    return PrebookingRejected(
        reason=reason, explanation=rules.explanation(reason), rejected_at=now, **ride(row)
    )


def prebooked(row: Prebooking, *, due_at: datetime, discount: int, now: datetime) -> RidePrebooked:
    """Return the event that a prebooking is confirmed."""
    return RidePrebooked(discount_percent=discount, due_at=due_at, confirmed_at=now, **ride(row))


def cancelled(row: Prebooking, *, by: str, now: datetime) -> PrebookingCancelled:
    """Return the event that a prebooking is off."""
    return PrebookingCancelled(cancelled_by=by, cancelled_at=now, **ride(row))


def dispatched(row: Prebooking, *, rfq: UUID, booked: UUID, now: datetime) -> PrebookingDispatched:
    """Return the event that a prebooked ride is booked."""
    return PrebookingDispatched(rfq=rfq, ride=booked, dispatched_at=now, **ride(row))


def unfulfilled(row: Prebooking, *, now: datetime) -> PrebookingUnfulfilled:
    """Return the event that no unicorn was found."""
    reason = Reason.NO_UNICORN
    return PrebookingUnfulfilled(
        reason=reason, explanation=rules.explanation(reason), unfulfilled_at=now, **ride(row)
    )


def ride(row: Prebooking) -> dict[str, Any]:
    """Return what every message about a prebooking says."""
    return {
        "prebooking": row.id,
        "customer": row.customer,
        "origin": row.origin,
        "destination": row.destination,
        "ride_at": row.ride_at,
        "campaign": row.campaign,
        "price_limit": row.price_limit,
    }
