"""The shape of a ride."""

from rest_framework import serializers

from bench.peers.usual_way.models import Ride


class RideSerializer(serializers.ModelSerializer[Ride]):
    """A completed ride, as the unicorn app posts it."""

    to = serializers.CharField(source="destination")

    class Meta:
        model = Ride
        fields = ["id", "ride", "to", "duration", "distance", "customer", "fare"]

    def get_fields(self) -> dict[str, serializers.Field]:  # type: ignore[type-arg]
        """Add `from`, which is no name that Python has."""
        return {**super().get_fields(), "from": serializers.CharField(source="origin")}
