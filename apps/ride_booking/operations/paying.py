"""Write on the receipts of rides what was charged, and what was given back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

import structlog

from apps.ride_booking.models import Charge, Payment, Ride

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Movement:
    """Money that moved for a ride: from the customer or, with `is_refund`, back to them.

    `id` is that of the collection or of the refund: each is written once.
    """

    id: UUID
    ride: UUID
    customer: str
    amount: Decimal
    currency: str
    card: str
    is_refund: bool
    at: datetime


def record(*, movements: Sequence[Movement]) -> None:
    """Write these on the receipts; a refund also makes the ride cheaper.

    Must be called inside a transaction. What is on a receipt already is left as it is; what speaks
    of no ride of ours, or of another customer's, is said in the log.
    """
    rides = Ride.objects.filter(id__in={item.ride for item in movements}).order_by("id")
    found = {ride.id: ride for ride in rides.select_for_update(no_key=True)}
    known = set(
        Payment.objects.filter(id__in=[item.id for item in movements]).values_list("id", flat=True)
    )
    for item in {item.id: item for item in movements}.values():
        ride = found.get(item.ride)
        if ride is None or ride.customer != item.customer:
            log.warning("payment_of_no_ride", ride=str(item.ride), payment=str(item.id))
        elif item.id not in known:
            _record(ride, item)


def _record(ride: Ride, item: Movement) -> None:
    amount = -item.amount if item.is_refund else item.amount
    line = {"ride": ride, "amount": amount, "currency": item.currency, "at": item.at}
    Payment.objects.create(id=item.id, card=item.card, **line)
    if item.is_refund:
        Charge.objects.create(kind=Charge.Kind.REFUND, **line)
