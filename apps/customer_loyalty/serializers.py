"""How a customer's standing is written."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers


class PointsEntrySerializer(serializers.Serializer[Any]):
    """The points for one ride."""

    id = serializers.UUIDField()
    ride = serializers.UUIDField(source="ride_completion", help_text="The ride completion.")
    points = serializers.IntegerField()
    awarded_at = serializers.DateTimeField()


class StandingSerializer(serializers.Serializer[Any]):
    """Points and tier; `next_tier` and `points_to_next_tier` are null at the top."""

    customer = serializers.CharField()
    points = serializers.IntegerField()
    tier = serializers.CharField(source="tier.name")
    next_tier = serializers.CharField(source="next_tier.name", default=None, allow_null=True)
    points_to_next_tier = serializers.IntegerField(allow_null=True)
    entries = PointsEntrySerializer(many=True)
    next = serializers.URLField(allow_null=True, read_only=True)
