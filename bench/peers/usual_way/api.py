"""The view: store the ride, then tell five tasks of it."""

from typing import Any

from rest_framework import generics
from rest_framework.serializers import BaseSerializer

from bench.peers.usual_way import tasks
from bench.peers.usual_way.models import Ride
from bench.peers.usual_way.serializers import RideSerializer


class RidesView(generics.CreateAPIView[Ride]):
    """Submit a completed ride."""

    queryset = Ride.objects.all()
    serializer_class = RideSerializer

    def perform_create(self, serializer: BaseSerializer[Any]) -> None:
        """Store it, and let everything else happen later."""
        ride = serializer.save()
        tasks.notify_customer.delay(ride.id)
        tasks.record_fare.delay(ride.id)
        tasks.award_points.delay(ride.id)
        tasks.write_to_lake.delay(ride.id)
        tasks.record_extraordinary_ride.delay(ride.id)
