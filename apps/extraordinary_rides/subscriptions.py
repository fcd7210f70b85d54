"""Which messages become extraordinary rides: those that the filter in the topology lets through."""

from __future__ import annotations

from collections.abc import Sequence

from apps.extraordinary_rides import operations
from apps.extraordinary_rides.models import ExtraordinaryRide
from apps.unicorn_management import messages as unicorn_management
from wildrydes.envelope import Envelope
from wildrydes.subscriptions import subscribe_batch


@subscribe_batch("extraordinary_rides.record_extraordinary_ride")
def record_extraordinary_ride(envelopes: Sequence[Envelope]) -> None:
    """Keep each of these rides."""
    operations.record_rides(rides=[_ride(envelope) for envelope in envelopes])


def _ride(envelope: Envelope) -> ExtraordinaryRide:
    ride = unicorn_management.RideCompleted.from_data(envelope.data)
    return ExtraordinaryRide(
        ride_completion=ride.ride_completion,
        customer=ride.customer,
        origin=ride.origin,
        destination=ride.destination,
        duration_seconds=ride.duration,
        distance_km=ride.distance,
        fare=ride.fare,
        currency=ride.currency,
        fleet=ride.fleet,
        completed_at=ride.completed_at,
    )
