"""The shapes of ride prebooking's API."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from django.utils import timezone
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from apps.ride_prebooking import rules
from apps.ride_prebooking.models import Campaign, Prebooking
from apps.ride_prebooking.operations.submitting import WantedRide
from apps.ride_prebooking.rules import Status
from wildrydes.front_door import paging
from wildrydes.front_door.fields import (
    CustomerField,
    MomentField,
    MoneyField,
    StrictSerializer,
    TextField,
)


class WantedRideSerializer(StrictSerializer):
    """A ride that is wanted ahead. Above `price_limit` no quote is accepted, if there is one."""

    from_ = TextField(source="origin")
    to = TextField(source="destination")
    when = MomentField(source="ride_at")
    customer = CustomerField()
    campaign = TextField(required=False)
    price_limit = MoneyField(required=False)

    def to_internal_value(self, data: Any) -> WantedRide:
        """Return what is wanted."""
        return WantedRide(**super().to_internal_value(data))

    def validate_when(self, ride_at: datetime) -> datetime:
        """Refuse a time that is over."""
        if ride_at <= timezone.now():
            raise ValidationError("This must be in the future.")
        return ride_at

    def validate_price_limit(self, limit: Decimal) -> Decimal:
        """Refuse a limit that no quote can keep."""
        if limit <= 0:
            raise ValidationError("This must be above zero.")
        return limit


class AcceptedSerializer(serializers.Serializer[Any]):
    """A prebooking that was taken in."""

    id = serializers.UUIDField()
    status = serializers.ChoiceField(choices=[Status.ACCEPTED.value])


class PrebookingSerializer(serializers.Serializer[Prebooking]):
    """A prebooking and how it stands. `reason` says why it is rejected, for programs."""

    id = serializers.UUIDField()
    status = serializers.ChoiceField(choices=[status.value for status in Status])
    reason = serializers.CharField(help_text="Empty unless the ride is not to be had.")
    explanation = serializers.SerializerMethodField(help_text="The reason in words.")
    from_ = serializers.CharField(source="origin")
    to = serializers.CharField(source="destination")
    when = serializers.DateTimeField(source="ride_at")
    customer = serializers.CharField()
    campaign = serializers.SerializerMethodField()
    discount_percent = serializers.IntegerField()
    price_limit = MoneyField(allow_null=True)
    accepted_at = serializers.DateTimeField()
    decided_at = serializers.DateTimeField(allow_null=True)
    due_at = serializers.DateTimeField(allow_null=True)
    rfq = serializers.UUIDField(allow_null=True)
    ride = serializers.UUIDField(allow_null=True)

    def get_fields(self) -> dict[str, Any]:
        """Return the fields by the names that they have in JSON."""
        return {name.rstrip("_"): field for name, field in super().get_fields().items()}

    def get_explanation(self, row: Prebooking) -> str:
        """Return the reason in words."""
        return rules.explanation(row.reason)

    def get_campaign(self, row: Prebooking) -> str | None:
        """Return the campaign's code; null where it takes part in none."""
        return row.campaign or None


class PrebookingPageSerializer(serializers.Serializer[Any]):
    """Some prebookings, newest first, and the address of the next page."""

    results = PrebookingSerializer(many=True)
    next = serializers.URLField(allow_null=True)


class PrebookingListSerializer(paging.PageSerializer):
    """The query parameters of the list of prebookings."""

    status = serializers.ChoiceField(
        choices=[status.value for status in Status], required=False, default=""
    )
    customer = serializers.CharField(
        max_length=64, required=False, default="", help_text="For staff: of this customer only."
    )


class CampaignSerializer(serializers.Serializer[Campaign]):
    """A campaign and how many of its places are left."""

    code = serializers.CharField()
    name = serializers.CharField()
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()
    capacity = serializers.IntegerField()
    remaining = serializers.IntegerField()
    discount_percent = serializers.IntegerField()
