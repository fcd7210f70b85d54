"""Cancel a prebooking, free of charge, until it is due."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import F

from apps.identity import messages as identity
from apps.ride_prebooking import queries, rules
from apps.ride_prebooking.models import Campaign, Prebooking
from apps.ride_prebooking.operations import storing, telling
from apps.ride_prebooking.rules import Status


class NotNowError(Exception):
    """The prebooking's status does not allow it."""

    def __init__(self, prebooking: Prebooking) -> None:
        super().__init__(f"prebooking {prebooking.id} is {prebooking.status}")
        self.prebooking = prebooking


def cancel(*, prebooking_id: UUID, caller: identity.Caller, now: datetime) -> Prebooking:
    """Cancel a prebooking and give its place in a campaign back, and tell so.

    One that was accepted and is not stored yet is stored as cancelled, which is all that will
    become of it. Raises `Prebooking.DoesNotExist` for one that the caller may not see,
    `NotNowError` for one that is due, over, or was never to be.
    """
    with transaction.atomic():
        row = _forestalled(prebooking_id, caller=caller, now=now)
        if row is None:
            row = queries.visible_to(caller=caller).select_for_update().get(id=prebooking_id)
            _end(row, now=now)
        telling.publish([(row, telling.cancelled(row, by=caller.role, now=now), None)])
    return row


def _forestalled(
    prebooking_id: UUID, *, caller: identity.Caller, now: datetime
) -> Prebooking | None:
    """Store what waits as cancelled, and return it; None where it is stored already."""
    if queries.visible_to(caller=caller).filter(id=prebooking_id).exists():
        return None
    row = queries.waiting(prebooking_id=prebooking_id, caller=caller)
    row.status, row.ended_at = Status.CANCELLED, now
    return row if storing.insert([row]) else None


def _end(row: Prebooking, *, now: datetime) -> None:
    if row.status not in rules.MAY_CANCEL:
        raise NotNowError(row)
    if row.status == Status.CONFIRMED and row.campaign:
        Campaign.objects.filter(code=row.campaign).update(taken=F("taken") - 1)
    row.status, row.busy_until, row.ended_at = Status.CANCELLED, row.ride_at, now
    row.save(update_fields=["status", "busy_until", "ended_at"])
