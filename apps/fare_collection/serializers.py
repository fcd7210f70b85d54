"""The shapes of fare collection's API."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from apps.fare_collection.queries import Standing
from wildrydes.front_door import paging
from wildrydes.front_door.fields import MoneyField, StrictSerializer, TextField


class StepSerializer(serializers.Serializer[Any]):
    """How far a step has come. `undo_attempts` counts how often it was tried to undo it."""

    name = serializers.CharField()
    status = serializers.CharField()
    attempts = serializers.IntegerField()
    undo_attempts = serializers.IntegerField()
    reason = serializers.CharField()


class HappeningSerializer(serializers.Serializer[Any]):
    """One thing that happened; `step` is empty where the whole is meant."""

    at = serializers.DateTimeField()
    event = serializers.CharField(source="kind")
    step = serializers.CharField()
    attempt = serializers.IntegerField()
    reason = serializers.CharField()


class RefundSerializer(serializers.Serializer[Standing]):
    """What staff give back of a fare: an amount, and how that stands."""

    id = serializers.UUIDField(source="row.id")
    collection = serializers.UUIDField(source="row.collection_id")
    amount = MoneyField(source="row.amount")
    currency = serializers.CharField(source="row.collection.currency")
    status = serializers.CharField()
    failed_step = serializers.CharField()
    reason = serializers.CharField(help_text="Why it failed or is stuck.")
    requested_at = serializers.DateTimeField(source="row.requested_at")
    ended_at = serializers.DateTimeField(source="row.ended_at", allow_null=True)
    steps = StepSerializer(source="story.steps", many=True, default=())
    history = HappeningSerializer(source="story.history", many=True, default=())


class FareCollectionSerializer(serializers.Serializer[Standing]):
    """The fare of a ride, and how its collection stands; the history begins with the start.

    `ride` is the booked ride or, where there was none, the ride completion.
    """

    id = serializers.UUIDField(source="row.id")
    ride = serializers.SerializerMethodField()
    ride_completion = serializers.UUIDField(source="row.ride_completion")
    customer = serializers.CharField(source="row.customer")
    amount = MoneyField(source="row.amount")
    refunded = MoneyField(source="row.refunded")
    currency = serializers.CharField(source="row.currency")
    status = serializers.CharField()
    failed_step = serializers.CharField()
    reason = serializers.CharField(help_text="Why it failed or is stuck.")
    begun_at = serializers.DateTimeField(source="row.begun_at")
    ended_at = serializers.DateTimeField(source="row.ended_at", allow_null=True)
    steps = StepSerializer(source="story.steps", many=True, default=())
    history = HappeningSerializer(source="story.history", many=True, default=())

    def get_ride(self, standing: Standing) -> str:
        """Return the id by which the ride is known."""
        return str(getattr(standing.row, "ride", None) or standing.row.ride_completion)  # type: ignore[union-attr]


class FareCollectionWithRefundsSerializer(FareCollectionSerializer):
    """One collection, and what was given back of it or is to be."""

    refunds = RefundSerializer(many=True)


class FareCollectionPageSerializer(serializers.Serializer[Any]):
    """Some collections, newest first, and the address of the next page."""

    results = FareCollectionSerializer(many=True)
    next = serializers.URLField(allow_null=True)


class FareCollectionQuerySerializer(paging.PageSerializer):
    """The query parameters of the collections."""

    ride = serializers.CharField(
        required=False,
        max_length=200,
        help_text="A booked ride or a ride completion: the answer is its collection alone.",
    )


class WantedRefundSerializer(StrictSerializer):
    """How much of a fare is to be given back, all that is left if nothing is said, and why."""

    amount = MoneyField(required=False)
    reason = TextField()

    def validate_amount(self, amount: Decimal) -> Decimal:
        """Refuse to give nothing back."""
        if amount <= 0:
            raise ValidationError("This must be above zero.")
        return amount
