"""Which messages the ledger is kept from."""

from __future__ import annotations

from collections.abc import Sequence

from apps.customer_accounting import operations
from apps.unicorn_management import messages as unicorn_management
from wildrydes.envelope import Envelope
from wildrydes.subscriptions import subscribe_batch


@subscribe_batch("customer_accounting.record_fare")
def record_fare(envelopes: Sequence[Envelope]) -> None:
    """Enter the fare of each completed ride."""
    operations.record_ride_fares(fares=[_fare(envelope) for envelope in envelopes])


def _fare(envelope: Envelope) -> operations.RideFare:
    ride = unicorn_management.RideCompleted.from_data(envelope.data)
    return operations.RideFare(
        ride_completion=ride.ride_completion,
        customer=ride.customer,
        fare=ride.fare,
        currency=ride.currency,
        description=f"Ride from {ride.origin} to {ride.destination}",
        occurred_at=ride.completed_at,
    )
