"""How the leaderboard is asked for and written."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from wildrydes.front_door.fields import MoneyField, NumberField

MOST = 100


class LeaderboardQuerySerializer(serializers.Serializer[Any]):
    """The query parameters of the leaderboard."""

    by = serializers.ChoiceField(
        choices=["fare", "distance"], default="fare", help_text="What makes a ride great."
    )
    limit = serializers.IntegerField(
        min_value=1, max_value=MOST, default=10, help_text="How many rides at most."
    )


class ExtraordinaryRideSerializer(serializers.Serializer[Any]):
    """One ride."""

    id = serializers.UUIDField(source="ride_completion", help_text="The ride completion.")
    from_ = serializers.CharField(source="origin")
    to = serializers.CharField(source="destination")
    duration = NumberField(source="duration_seconds")
    distance = NumberField(source="distance_km")
    customer = serializers.CharField()
    fare = MoneyField()
    currency = serializers.CharField()
    fleet = serializers.CharField()
    completed_at = serializers.DateTimeField()

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """Return the fields by the names that they have in JSON."""
        return {name.rstrip("_"): field for name, field in super().get_fields().items()}


class LeaderboardSerializer(serializers.Serializer[Any]):
    """The greatest rides, greatest first."""

    by = serializers.CharField()
    rides = ExtraordinaryRideSerializer(many=True)
