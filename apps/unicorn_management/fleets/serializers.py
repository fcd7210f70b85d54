"""The shapes of the fleets' part of the API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from apps.unicorn_management.fleets import gazetteer
from apps.unicorn_management.fleets.gazetteer import Place
from apps.unicorn_management.models import Unicorn
from wildrydes.front_door.fields import (
    FlagField,
    MoneyField,
    NumberField,
    StrictSerializer,
    TextField,
)


class FleetSerializer(StrictSerializer):
    """A fleet: its prices, where it rides, and how it behaves in a rehearsal.

    What a number may be at most is the model's to say, and so is what goes together.
    """

    slug = serializers.CharField(read_only=True)
    name = TextField()
    is_active = FlagField()
    home = TextField()
    radius_km = NumberField(allow_null=True)
    base = MoneyField()
    per_km = MoneyField()
    per_minute = MoneyField()
    peak_factor = NumberField()
    night_factor = NumberField()
    demand_factor = NumberField()
    most_surge = NumberField()
    quote_valid_seconds = NumberField()
    answer_rate = NumberField()
    fault_rate = NumberField()
    delay_min_seconds = NumberField()
    delay_median_seconds = NumberField()
    delay_max_seconds = NumberField()


class FleetsSerializer(serializers.Serializer[Any]):
    """Every fleet."""

    results = FleetSerializer(many=True)


def _known_place(name: str) -> Place:
    place = gazetteer.find(name)
    if place is None:
        raise ValidationError("We do not know where this is; say latitude and longitude.")
    return place


class OnlineSerializer(StrictSerializer):
    """From where a unicorn goes to work, if it says so."""

    place = TextField(required=False)

    def validate_place(self, name: str) -> Place:
        """Return the place; one that is not in the gazetteer is refused."""
        return _known_place(name)


class LocationSerializer(StrictSerializer):
    """Where a unicorn is: at a place that we know, or at a point. Reads as a `Place`."""

    place = TextField(required=False)
    latitude = NumberField(min_value=-90, max_value=90, required=False)
    longitude = NumberField(min_value=-180, max_value=180, required=False)

    def validate_place(self, name: str) -> Place:
        """Return the place; one that is not in the gazetteer is refused."""
        return _known_place(name)

    def to_internal_value(self, data: Any) -> Place:
        """Return where it is, which has to be said in one way, and completely."""
        given: Mapping[str, Any] = super().to_internal_value(data)
        if "place" in given:
            self._refuse(given, "latitude", "longitude")
            place: Place = given["place"]
            return place
        if not given:
            raise ValidationError({"place": "Say the place, or latitude and longitude."})
        for name in ("latitude", "longitude"):
            if name not in given:
                raise ValidationError({name: "Latitude and longitude belong together."})
        return Place(latitude=given["latitude"], longitude=given["longitude"])

    @staticmethod
    def _refuse(given: Mapping[str, Any], *names: str) -> None:
        surplus = {name: "The place says where this is." for name in names if name in given}
        if surplus:
            raise ValidationError(surplus)


class UnicornSerializer(serializers.Serializer[Unicorn]):
    """A unicorn: whether it is at work, where it is, and on which ride."""

    id = serializers.CharField()
    fleet = serializers.CharField(source="fleet_id")
    is_online = serializers.BooleanField()
    place = serializers.SerializerMethodField()
    latitude = serializers.FloatField(allow_null=True)
    longitude = serializers.FloatField(allow_null=True)
    ride = serializers.UUIDField(allow_null=True)

    def get_place(self, unicorn: Unicorn) -> str | None:
        """Return the name of the place, if it has one."""
        return unicorn.place or None
