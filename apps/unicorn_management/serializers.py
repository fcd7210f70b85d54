"""The shapes of unicorn management's API."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from apps.unicorn_management.models import RideCompletion
from apps.unicorn_management.operations import CompletedRide
from wildrydes.front_door.fields import (
    CustomerField,
    EachAlone,
    MoneyField,
    NumberField,
    StrictSerializer,
    TextField,
)
from wildrydes.front_door.openapi import FieldErrorSerializer

MOST_ITEMS = 500


class RideCompletionSerializer(StrictSerializer):
    """A completed ride. Duration is in seconds, distance in kilometres."""

    id = serializers.UUIDField(read_only=True)
    from_ = TextField(source="origin")
    to = TextField(source="destination")
    duration = NumberField(source="duration_s")
    distance = NumberField(source="distance_km")
    customer = CustomerField()
    fare = MoneyField()
    ride = TextField(required=False)

    def to_representation(self, instance: RideCompletion) -> dict[str, Any]:
        """Return the ride; a completion without a booked ride does not speak of one."""
        data: dict[str, Any] = super().to_representation(instance)
        if data["ride"] is None:
            del data["ride"]
        return data

    def to_internal_value(self, data: Any) -> CompletedRide:
        """Return the ride that is reported."""
        return CompletedRide(**super().to_internal_value(data))


class DeliverySerializer(serializers.Serializer[Any]):
    """What became of the ride's event at one subscription."""

    subscription = serializers.CharField()
    status = serializers.CharField()
    attempts = serializers.IntegerField()
    done_at = serializers.DateTimeField(allow_null=True)


class DeliveredRideCompletionSerializer(RideCompletionSerializer):
    """A completed ride and where its event has got to."""

    deliveries = DeliverySerializer(many=True, read_only=True)


class BatchSerializer(StrictSerializer):
    """Up to 500 completed rides. Each reads as a `CompletedRide` or as its `ValidationError`."""

    items = EachAlone(child=RideCompletionSerializer(), min_length=1, max_length=MOST_ITEMS)


class ResultSerializer(serializers.Serializer[Any]):
    """The id of the ride completion, or what is wrong with the item."""

    id = serializers.UUIDField(required=False)
    errors = FieldErrorSerializer(many=True, required=False)  # type: ignore[assignment]


class ResultsSerializer(serializers.Serializer[Any]):
    """One result for each item, in order."""

    results = ResultSerializer(many=True)


class RideCompletionPageSerializer(serializers.Serializer[Any]):
    """Some completed rides, newest first, and the address of the next page."""

    results = RideCompletionSerializer(many=True)
    next = serializers.URLField(allow_null=True)
