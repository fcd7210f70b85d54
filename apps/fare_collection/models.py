"""Which fares were collected, and what was given back of them.

How far a collection or refund has come, step by step, the kernel's saga knows: none of that is kept
twice. The names of both sagas stand here.
"""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from wildrydes.models import new_id

COLLECT = "fare_collection.collect"
REFUND = "fare_collection.refund"


class FareCollection(models.Model):
    """The fare of one completed ride. Its id is that of the saga that collects it.

    `in_refund` is being given back, `refunded` has been: the database keeps that both together are
    no more than the fare. `failed_step` and `reason` say why a fare could not be collected.
    """

    class Status(models.TextChoices):
        COLLECTING = "collecting", "Collecting"
        COLLECTED = "collected", "Collected"
        FAILED = "failed", "Failed"
        REFUNDING = "refunding", "Refunding"
        REFUNDED = "refunded", "Refunded"

    id = models.UUIDField("collection id", primary_key=True, editable=False)
    ride_completion = models.UUIDField(unique=True)
    ride = models.CharField("booked ride", max_length=200, null=True, blank=True)
    customer = models.CharField(max_length=64)
    origin = models.CharField("from", max_length=200)
    destination = models.CharField("to", max_length=200)
    amount = models.DecimalField(max_digits=12, decimal_places=2)
    in_refund = models.DecimalField(max_digits=12, decimal_places=2, default=0)
    refunded = models.DecimalField(max_digits=12, decimal_places=2, default=0)
    currency = models.CharField(max_length=3)
    status = models.CharField(max_length=10, choices=Status.choices)
    card = models.CharField(max_length=20, blank=True)
    failed_step = models.CharField(max_length=100, blank=True)
    reason = models.TextField(blank=True)
    begun_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        permissions = [("refund_farecollection", "Can give a collected fare back")]
        constraints = [
            models.CheckConstraint(
                condition=Q(in_refund__gte=0)
                & Q(refunded__gte=0)
                & Q(amount__gte=F("refunded") + F("in_refund")),
                name="fare_collection_no_more_than_the_fare",
            ),
            models.CheckConstraint(
                condition=Q(status__in=["collected", "refunding", "refunded"])
                | Q(in_refund=0, refunded=0),
                name="fare_collection_of_the_collected_only",
            ),
        ]
        indexes = [
            models.Index(fields=["customer", "id"], name="fare_collection_of_customer"),
            models.Index(fields=["status", "id"], name="fare_collection_by_status"),
            models.Index(
                fields=["ride"],
                name="fare_collection_of_ride",
                condition=Q(ride__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}, {self.status}"


class FareRefund(models.Model):
    """Something that staff give back of a collected fare; `saga` is the saga that does it."""

    class Status(models.TextChoices):
        REFUNDING = "refunding", "Refunding"
        REFUNDED = "refunded", "Refunded"
        FAILED = "failed", "Failed"

    id = models.UUIDField("refund id", primary_key=True, default=new_id, editable=False)
    saga = models.UUIDField(null=True)
    collection = models.ForeignKey(FareCollection, on_delete=models.PROTECT, related_name="refunds")
    amount = models.DecimalField(max_digits=12, decimal_places=2)
    why = models.CharField("reason", max_length=200)
    requested_by = models.CharField(max_length=200)
    requested_at = models.DateTimeField()
    status = models.CharField(max_length=10, choices=Status.choices)
    failed_step = models.CharField(max_length=100, blank=True)
    reason = models.TextField("why it failed", blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(amount__gt=0), name="fare_collection_refund_above_zero"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.amount}, {self.status}"
