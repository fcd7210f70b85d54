"""What may be done to extraordinary rides: keep them."""

from __future__ import annotations

from collections.abc import Sequence

from apps.extraordinary_rides.models import ExtraordinaryRide


def record_rides(*, rides: Sequence[ExtraordinaryRide]) -> None:
    """Keep each ride, once, in one statement; a ride that is there already stays as it is.

    Written in the order of their key, so that two batches cannot deadlock.
    """
    in_order = sorted(rides, key=lambda ride: ride.ride_completion)
    ExtraordinaryRide.objects.bulk_create(in_order, ignore_conflicts=True)
