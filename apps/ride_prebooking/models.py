"""Rides that were booked ahead, and the campaigns that they take part in."""

from __future__ import annotations

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateTimeRangeField, RangeOperators
from django.core.validators import MaxValueValidator, RegexValidator
from django.db import models
from django.db.models import F, Func, Q

from apps.ride_prebooking.rules import Reason, Status

APART = "ride_prebooking_one_ride_at_a_time"
NO_MORE_THAN_CAPACITY = "ride_prebooking_no_more_than_capacity"
NOT_TO_BE_HAD = (Status.REJECTED.value, Status.UNFULFILLED.value)
NOT_TO_BE = (*NOT_TO_BE_HAD, Status.CANCELLED.value)


class Busy(Func):
    """From the time of a ride until the customer is free again; empty where both are one."""

    function = "TSTZRANGE"
    output_field = DateTimeRangeField()


class Campaign(models.Model):
    """A number of rides at a discount, for those who ask within a time.

    `taken` counts the places of confirmed prebookings; the database keeps that they are never more
    than there are.
    """

    code = models.CharField(
        max_length=40,
        unique=True,
        validators=[RegexValidator(r"^[A-Za-z0-9][A-Za-z0-9_-]*\Z", "Letters, digits, - and _.")],
    )
    name = models.CharField(max_length=200)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    capacity = models.PositiveIntegerField()
    taken = models.PositiveIntegerField(default=0, editable=False)
    discount_percent = models.PositiveSmallIntegerField(
        default=0, validators=[MaxValueValidator(100)]
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(taken__gte=0) & Q(capacity__gte=F("taken")),
                name=NO_MORE_THAN_CAPACITY,
                violation_error_message="More places than that are taken.",
            ),
            models.CheckConstraint(
                condition=Q(ends_at__gt=F("starts_at")),
                name="ride_prebooking_campaign_has_a_time",
                violation_error_message="A campaign ends after it has begun.",
            ),
            models.CheckConstraint(
                condition=Q(discount_percent__gte=0) & Q(discount_percent__lte=100),
                name="ride_prebooking_discount_is_a_share",
            ),
        ]

    def __str__(self) -> str:
        return self.code

    @property
    def remaining(self) -> int:
        """Return how many places are left."""
        return self.capacity - self.taken


class Prebooking(models.Model):
    """A ride that a customer wants at a time ahead. Its id is that of the message it came as.

    Until `busy_until` the customer has no other: the database keeps that. It is the time of the
    ride itself, and so keeps nothing out, once the ride is not to be. `due_at` is when a unicorn
    is looked for, `decided_at` when it was confirmed or rejected.
    """

    id = models.UUIDField("prebooking id", primary_key=True, editable=False)
    customer = models.CharField(max_length=64)
    origin = models.CharField("from", max_length=200)
    destination = models.CharField("to", max_length=200)
    ride_at = models.DateTimeField("when")
    busy_until = models.DateTimeField()
    campaign = models.CharField(max_length=200, blank=True)
    price_limit = models.DecimalField(max_digits=12, decimal_places=2, null=True, blank=True)
    discount_percent = models.PositiveSmallIntegerField(default=0)
    status = models.CharField(
        max_length=12, choices=[(status.value, status.value.title()) for status in Status]
    )
    reason = models.CharField(
        max_length=30, blank=True, choices=[(reason.value, reason.value) for reason in Reason]
    )
    accepted_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True, blank=True)
    due_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    rfq = models.UUIDField("RFQ id", null=True, blank=True)
    ride = models.UUIDField("ride id", null=True, blank=True)

    class Meta:
        constraints = [
            ExclusionConstraint(
                name=APART,
                expressions=[
                    (F("customer"), RangeOperators.EQUAL),
                    (Busy(F("ride_at"), F("busy_until")), RangeOperators.OVERLAPS),
                ],
            ),
            models.CheckConstraint(
                condition=(Q(status__in=NOT_TO_BE_HAD) & ~Q(reason=""))
                | (~Q(status__in=NOT_TO_BE_HAD) & Q(reason="")),
                name="ride_prebooking_reason_of_the_refused",
            ),
            models.CheckConstraint(
                condition=Q(status__in=NOT_TO_BE, busy_until=F("ride_at"))
                | (~Q(status__in=NOT_TO_BE) & Q(busy_until__gt=F("ride_at"))),
                name="ride_prebooking_keeps_out_while_it_stands",
            ),
            models.CheckConstraint(
                condition=Q(status=Status.DISPATCHED.value, ride__isnull=False)
                | (~Q(status=Status.DISPATCHED.value) & Q(ride__isnull=True)),
                name="ride_prebooking_ride_of_the_dispatched",
            ),
        ]
        indexes = [
            models.Index(fields=["customer", "id"], name="ride_prebooking_of_customer"),
            models.Index(
                fields=["campaign", "id"],
                name="ride_prebooking_of_campaign",
                condition=~Q(campaign=""),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.origin} to {self.destination}, {self.status}"
