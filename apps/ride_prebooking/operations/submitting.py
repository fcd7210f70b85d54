"""Take in what a customer wants: one message, committed. Everything else comes later."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db import transaction

from apps.identity import messages as identity
from apps.ride_prebooking.messages import SubmitPrebooking
from wildrydes import confirming, publishing
from wildrydes.models import new_id


class NotForThemselvesError(Exception):
    """A customer named another customer."""


@dataclass(frozen=True, kw_only=True)
class WantedRide:
    """A ride that a customer wants ahead. `campaign` is empty where it takes part in none."""

    origin: str
    destination: str
    ride_at: datetime
    customer: str
    campaign: str = ""
    price_limit: Decimal | None = None


def accept(*, wanted: WantedRide, caller: identity.Caller) -> UUID:
    """Commit the command to store a prebooking; return the id of both.

    Raises `NotForThemselvesError` when a customer asks for another one.
    """
    if caller.role == identity.CUSTOMER and wanted.customer != caller.customer:
        raise NotForThemselvesError(wanted.customer)
    prebooking_id = new_id()
    command = publishing.Outgoing(
        body=SubmitPrebooking(prebooking=prebooking_id, **vars(wanted)),
        subject=str(prebooking_id),
        group_id=str(prebooking_id),
        id=prebooking_id,
    )
    with transaction.atomic():
        confirming.confirm()
        publishing.send_all([command])
    return prebooking_id
