"""What unicorn management keeps: completed rides, the fleets and their unicorns."""

from __future__ import annotations

from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import BrinIndex
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q

from apps.unicorn_management.fleets import gazetteer
from apps.unicorn_management.fleets.behaviour import Behaviour
from apps.unicorn_management.fleets.pricing import Tariff
from wildrydes.models import new_id

ONE_COMPLETION_PER_RIDE = "unicorn_management_one_completion_per_ride"
LONGEST_DELAY_SECONDS = 300
LONGEST_VALID_SECONDS = 24 * 60 * 60
HALF_THE_EARTH_KM = 20_100


def _from_to(least: float, most: float) -> list[Any]:
    return [MinValueValidator(least), MaxValueValidator(most)]


class RideCompletion(models.Model):
    """A ride as the unicorn that carried the customer reported it. Never changed.

    `message_id` is the event that spoke of it. `submitted_by_id` is a user's id without a
    relation: users belong to another service.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    ride = models.CharField(max_length=200, null=True, blank=True)
    origin = models.CharField("from", max_length=200)
    destination = models.CharField("to", max_length=200)
    duration_s = models.FloatField("duration (s)")
    distance_km = models.FloatField("distance (km)")
    customer = models.CharField(max_length=64)
    fare = models.DecimalField(max_digits=12, decimal_places=2)
    currency = models.CharField(max_length=3)
    fleet = models.CharField(max_length=64, blank=True)
    submitted_by_id = models.BigIntegerField("submitted by user")
    submitted_at = models.DateTimeField()
    message_id = models.UUIDField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["ride"],
                name=ONE_COMPLETION_PER_RIDE,
                condition=models.Q(ride__isnull=False),
            ),
        ]
        indexes = [
            models.Index(fields=["customer", "id"], name="unicorn_management_by_customer"),
            models.Index(fields=["fleet", "id"], name="unicorn_management_by_fleet"),
            BrinIndex(fields=["submitted_at"], name="unicorn_management_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.origin} to {self.destination}, {self.fare} {self.currency}"


class Fleet(models.Model):
    """A fleet: its prices, where it rides, and how it behaves in a rehearsal.

    One without a radius rides everywhere, and one with a radius from places within it around its
    home. `Tariff` and `Behaviour` say what the numbers mean.
    """

    slug = models.SlugField(max_length=64, primary_key=True)
    name = models.CharField(max_length=200)
    is_active = models.BooleanField(default=True)
    home = models.CharField(max_length=200)
    radius_km = models.FloatField(
        "radius (km)", null=True, blank=True, validators=_from_to(0, HALF_THE_EARTH_KM)
    )
    base = models.DecimalField(max_digits=7, decimal_places=2, validators=_from_to(0, 10_000))
    per_km = models.DecimalField(max_digits=7, decimal_places=2, validators=_from_to(0, 1_000))
    per_minute = models.DecimalField(max_digits=7, decimal_places=2, validators=_from_to(0, 1_000))
    peak_factor = models.FloatField(default=1, validators=_from_to(0.1, 10))
    night_factor = models.FloatField(default=1, validators=_from_to(0.1, 10))
    demand_factor = models.FloatField(default=0, validators=_from_to(0, 10))
    most_surge = models.FloatField(default=2, validators=_from_to(1, 10))
    quote_valid_seconds = models.FloatField(
        default=300, validators=_from_to(1, LONGEST_VALID_SECONDS)
    )
    answer_rate = models.FloatField(default=1, validators=_from_to(0, 1))
    fault_rate = models.FloatField(default=0, validators=_from_to(0, 1))
    delay_min_seconds = models.FloatField(default=0, validators=_from_to(0, LONGEST_DELAY_SECONDS))
    delay_median_seconds = models.FloatField(
        default=0, validators=_from_to(0, LONGEST_DELAY_SECONDS)
    )
    delay_max_seconds = models.FloatField(default=0, validators=_from_to(0, LONGEST_DELAY_SECONDS))

    class Meta:
        ordering = ["slug"]
        constraints = [
            models.CheckConstraint(
                condition=Q(base__gte=0, per_km__gte=0, per_minute__gte=0),
                name="unicorn_management_fleet_prices",
            ),
            models.CheckConstraint(
                condition=Q(answer_rate__range=(0, 1), fault_rate__range=(0, 1)),
                name="unicorn_management_fleet_rates",
            ),
            models.CheckConstraint(
                condition=Q(delay_min_seconds__gte=0)
                & Q(delay_median_seconds__gte=F("delay_min_seconds"))
                & Q(delay_max_seconds__gte=F("delay_median_seconds")),
                name="unicorn_management_fleet_delays",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Refuse, by the name of the field, what does not go together."""
        wrong: dict[str, str] = {}
        if gazetteer.find(self.home) is None:
            wrong["home"] = "We do not know where this is."
        if self.delay_median_seconds < self.delay_min_seconds:
            wrong["delay_median_seconds"] = "This must not be less than the shortest delay."
        if self.delay_max_seconds < self.delay_median_seconds:
            wrong["delay_max_seconds"] = "This must not be less than the median delay."
        if wrong:
            raise ValidationError(wrong)

    @property
    def tariff(self) -> Tariff:
        """Return what the fleet asks for."""
        return Tariff(
            base=self.base,
            per_km=self.per_km,
            per_minute=self.per_minute,
            peak_factor=self.peak_factor,
            night_factor=self.night_factor,
            demand_factor=self.demand_factor,
            most_surge=self.most_surge,
        )

    @property
    def behaviour(self) -> Behaviour:
        """Return how the fleet behaves when it is asked."""
        return Behaviour(
            answer_rate=self.answer_rate,
            fault_rate=self.fault_rate,
            delay_min_seconds=self.delay_min_seconds,
            delay_median_seconds=self.delay_median_seconds,
            delay_max_seconds=self.delay_max_seconds,
        )


class Unicorn(models.Model):
    """A unicorn of a fleet: whether it is at work, where, and on which ride it is.

    `user_id` is its user's id without a relation. `ride_as_of` is when the ride that it was put on
    last was booked or started: what happened earlier and arrives later changes nothing.
    """

    id = models.SlugField(max_length=100, primary_key=True)
    fleet = models.ForeignKey(Fleet, on_delete=models.PROTECT, related_name="unicorns")
    user_id = models.BigIntegerField("user", null=True, blank=True, unique=True)
    is_online = models.BooleanField(default=False)
    place = models.CharField(max_length=200, blank=True)
    latitude = models.FloatField(null=True, blank=True)
    longitude = models.FloatField(null=True, blank=True)
    ride = models.UUIDField(null=True, blank=True)
    ride_as_of = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(latitude__isnull=True, longitude__isnull=True)
                | Q(latitude__range=(-90, 90), longitude__range=(-180, 180)),
                name="unicorn_management_unicorn_is_on_the_earth",
            ),
        ]
        indexes = [
            models.Index(
                fields=["fleet"],
                name="unicorn_management_available",
                condition=Q(is_online=True, ride__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return self.id

    @property
    def where(self) -> gazetteer.Place | None:
        """Return where it is, if that is known."""
        if self.latitude is None or self.longitude is None:
            return None
        return gazetteer.Place(name=self.place, latitude=self.latitude, longitude=self.longitude)


class OpenRequests(models.Model):
    """Until when the requests are open that a fleet was asked of late, the longest first.

    What prices follow is how many of these moments are still to come.
    """

    fleet = models.OneToOneField(Fleet, on_delete=models.CASCADE, primary_key=True)
    deadlines = ArrayField(models.DateTimeField())

    class Meta:
        verbose_name_plural = "open requests"

    def __str__(self) -> str:
        return f"{self.fleet_id}: {len(self.deadlines)}"
