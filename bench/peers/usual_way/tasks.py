"""What follows from a ride, one task each."""

from celery import shared_task

from bench.peers.usual_way.models import (
    ExtraordinaryRide,
    LakeRow,
    LedgerEntry,
    Notification,
    PointsEntry,
    Ride,
)


@shared_task
def notify_customer(ride_id: int) -> None:
    """Tell the customer."""
    ride = Ride.objects.get(id=ride_id)
    Notification.objects.create(ride=ride, text=f"You went to {ride.destination}.")


@shared_task
def record_fare(ride_id: int) -> None:
    """Enter the fare in the books."""
    ride = Ride.objects.get(id=ride_id)
    LedgerEntry.objects.create(ride=ride, amount=ride.fare)


@shared_task
def award_points(ride_id: int) -> None:
    """Award the points."""
    ride = Ride.objects.get(id=ride_id)
    PointsEntry.objects.create(ride=ride, points=int(ride.fare))


@shared_task
def write_to_lake(ride_id: int) -> None:
    """Keep the ride for analysts."""
    ride = Ride.objects.get(id=ride_id)
    LakeRow.objects.create(ride=ride, data={"customer": ride.customer, "fare": str(ride.fare)})


@shared_task
def record_extraordinary_ride(ride_id: int) -> None:
    """Keep the ride if it was long and costly."""
    ride = Ride.objects.get(id=ride_id)
    if ride.fare >= 50 and ride.distance >= 20:
        ExtraordinaryRide.objects.create(ride=ride)
