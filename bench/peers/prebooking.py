"""A prebooking done in the request: rules, place, booking and everything that follows, then 201.

One transaction, with the locks that keep two from taking the same place or the same hour.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db import transaction
from rest_framework import generics, serializers
from rest_framework.serializers import BaseSerializer

from bench.peers.usual_way.models import Campaign, Prebooking, PrebookingLakeRow, PrebookingNotice

APART = timedelta(minutes=30)


class PrebookingSerializer(serializers.ModelSerializer[Prebooking]):
    """A ride that is wanted ahead."""

    to = serializers.CharField(source="destination")
    when = serializers.DateTimeField(source="ride_at")
    campaign = serializers.SlugRelatedField(
        slug_field="code", queryset=Campaign.objects.all(), required=False
    )

    class Meta:
        model = Prebooking
        fields = ["id", "to", "when", "customer", "campaign", "status"]
        read_only_fields = ["status"]

    def get_fields(self) -> dict[str, serializers.Field]:  # type: ignore[type-arg]
        """Add `from`, which is no name that Python has."""
        return {**super().get_fields(), "from": serializers.CharField(source="origin")}


class PrebookingsView(generics.CreateAPIView[Prebooking]):
    """Prebook a ride."""

    queryset = Prebooking.objects.all()
    serializer_class = PrebookingSerializer

    def perform_create(self, serializer: BaseSerializer[Any]) -> None:
        """Do all of it now."""
        with transaction.atomic():
            wanted = serializer.validated_data
            _refuse_overlap(wanted)
            if "campaign" in wanted:
                _take_place(wanted["campaign"])
            prebooking = serializer.save(status="confirmed")
            PrebookingNotice.objects.create(prebooking=prebooking, text="Your ride is prebooked.")
            for happened in ("submitted", "prebooked"):
                data = {"happened": happened, **serializer.data}
                PrebookingLakeRow.objects.create(prebooking=prebooking, data=data)


def _refuse_overlap(wanted: dict[str, Any]) -> None:
    ride_at = wanted["ride_at"]
    around = Prebooking.objects.filter(
        customer=wanted["customer"], ride_at__gt=ride_at - APART, ride_at__lt=ride_at + APART
    )
    if around.exists():
        raise serializers.ValidationError("There is another ride at that time.")


def _take_place(campaign: Campaign) -> None:
    locked = Campaign.objects.select_for_update().get(pk=campaign.pk)
    if locked.taken >= locked.capacity:
        raise serializers.ValidationError("No places are left.")
    locked.taken += 1
    locked.save(update_fields=["taken"])
