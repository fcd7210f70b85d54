"""What may be asked of ride prebooking, and by whom."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet

from apps.identity import messages as identity
from apps.ride_prebooking.messages import SubmitPrebooking
from apps.ride_prebooking.models import Prebooking
from apps.ride_prebooking.rules import Status
from wildrydes.models import Message


@dataclass(frozen=True, kw_only=True)
class Page:
    """Some prebookings, newest first; `continues_after` is the last one's id if there are more."""

    rows: list[Prebooking]
    continues_after: UUID | None


def visible_to(*, caller: identity.Caller) -> QuerySet[Prebooking]:
    """Return the prebookings that the caller may see: staff all, a customer their own, anyone
    else none."""
    match caller:
        case identity.Caller(role=identity.STAFF):
            return Prebooking.objects.all()
        case identity.Caller(role=identity.CUSTOMER, customer=customer) if customer:
            return Prebooking.objects.filter(customer=customer)
    return Prebooking.objects.none()


def find(*, prebooking_id: UUID, caller: identity.Caller) -> Prebooking:
    """Return a prebooking that the caller may see, perhaps one that is not stored yet.

    Raises `Prebooking.DoesNotExist`.
    """
    stored = visible_to(caller=caller).filter(id=prebooking_id).first()
    return stored or waiting(prebooking_id=prebooking_id, caller=caller)


def waiting(*, prebooking_id: UUID, caller: identity.Caller) -> Prebooking:
    """Return what was accepted, as it would be stored; raises `Prebooking.DoesNotExist`."""
    asked = Message.objects.filter(id=prebooking_id, type=SubmitPrebooking.TYPE).first()
    if asked is not None:
        row = unstored(SubmitPrebooking.from_data(asked.data), accepted_at=asked.published_at)
        if caller.role == identity.STAFF or row.customer == (caller.customer or None):
            return row
    raise Prebooking.DoesNotExist


def unstored(wanted: SubmitPrebooking, *, accepted_at: datetime) -> Prebooking:
    """Return a prebooking that keeps no other out as yet."""
    return Prebooking(
        id=wanted.prebooking,
        customer=wanted.customer,
        origin=wanted.origin,
        destination=wanted.destination,
        ride_at=wanted.ride_at,
        busy_until=wanted.ride_at,
        campaign=wanted.campaign,
        price_limit=wanted.price_limit,
        status=Status.ACCEPTED,
        accepted_at=accepted_at,
    )


def newest(
    *, caller: identity.Caller, status: str, customer: str, limit: int, before: UUID | None
) -> Page:
    """Return at most `limit` prebookings that the caller may see, of that status and customer
    unless they are ""."""
    rows = visible_to(caller=caller)
    if status:
        rows = rows.filter(status=status)
    if customer:
        rows = rows.filter(customer=customer)
    if before is not None:
        rows = rows.filter(id__lt=before)
    found = list(rows.order_by("-id")[: limit + 1])
    more = len(found) > limit
    return Page(rows=found[:limit], continues_after=found[limit - 1].id if more else None)
