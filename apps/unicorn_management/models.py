"""What unicorn management keeps: one row for each completed ride."""

from __future__ import annotations

from django.contrib.postgres.indexes import BrinIndex
from django.db import models

from wildrydes.models import new_id

ONE_COMPLETION_PER_RIDE = "unicorn_management_one_completion_per_ride"


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
