"""Which messages earn points."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils import timezone

from apps.customer_loyalty import operations
from apps.unicorn_management import messages as unicorn_management
from wildrydes.envelope import Envelope
from wildrydes.subscriptions import subscribe_batch


@subscribe_batch("customer_loyalty.award_points")
def award_points(envelopes: Sequence[Envelope]) -> None:
    """Award the points of each completed ride."""
    operations.award_points(rides=[_paid(envelope) for envelope in envelopes], now=timezone.now())


def _paid(envelope: Envelope) -> operations.PaidRide:
    ride = unicorn_management.RideCompleted.from_data(envelope.data)
    return operations.PaidRide(
        ride_completion=ride.ride_completion, customer=ride.customer, fare=ride.fare
    )
