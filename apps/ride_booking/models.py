"""Requests for quotes, the rides that were booked of them, and what became of those."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from apps.ride_booking.rules import State
from wildrydes.models import new_id

ONE_RIDE_PER_RFQ = "ride_booking_one_ride_per_rfq"
ONE_RIDE_PER_UNICORN = "ride_booking_one_ride_per_unicorn"


class Rfq(models.Model):
    """A customer's request for quotes.

    Its id is that of the message that asks for them, and so of the kernel's scatter, which knows
    whether it is open, who was asked and what was answered: none of that is kept twice.
    `requested_by_id` is a user's id without a relation: users belong to another service. It is 0
    where nobody asked, but a prebooking was due.
    """

    id = models.UUIDField("RFQ id", primary_key=True, editable=False)
    origin = models.CharField("from", max_length=200)
    destination = models.CharField("to", max_length=200)
    customer = models.CharField(max_length=64)
    requested_by_id = models.BigIntegerField("requested by user")
    requested_at = models.DateTimeField()

    class Meta:
        verbose_name = "request for quotes"
        verbose_name_plural = "requests for quotes"
        indexes = [models.Index(fields=["customer", "id"], name="ride_booking_rfqs_of_customer")]

    def __str__(self) -> str:
        return f"{self.origin} to {self.destination}"


class PrebookedRequest(models.Model):
    """What a request was made for by itself: a prebooking that was due. One request for each.

    The customer pays no more than `price_limit`, if there is one, after the discount.
    """

    rfq = models.OneToOneField(
        Rfq, on_delete=models.PROTECT, primary_key=True, related_name="prebooked"
    )
    prebooking = models.UUIDField(unique=True)
    price_limit = models.DecimalField(max_digits=12, decimal_places=2, null=True, blank=True)
    discount_percent = models.PositiveSmallIntegerField(default=0)

    def __str__(self) -> str:
        return str(self.prebooking)


class Ride(models.Model):
    """A ride that a customer booked by accepting a fleet's quote.

    A request for quotes leads to one ride at most, and a unicorn is on one ride at most at a
    time: the database keeps both. `unicorn` is empty where the fleet named none.
    """

    id = models.UUIDField("ride id", primary_key=True, default=new_id, editable=False)
    rfq = models.UUIDField("RFQ id")
    customer = models.CharField(max_length=64)
    fleet = models.CharField(max_length=64)
    unicorn = models.CharField(max_length=64, blank=True)
    origin = models.CharField("from", max_length=200)
    destination = models.CharField("to", max_length=200)
    price = models.DecimalField(max_digits=12, decimal_places=2)
    currency = models.CharField(max_length=3)
    state = models.CharField(
        max_length=10, choices=[(state.value, state.value.title()) for state in State]
    )
    booked_at = models.DateTimeField()
    ride_completion = models.UUIDField(null=True, blank=True)
    cancellation_fee = models.DecimalField(max_digits=12, decimal_places=2, null=True, blank=True)
    message_id = models.UUIDField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["rfq"], name=ONE_RIDE_PER_RFQ),
            models.UniqueConstraint(
                fields=["fleet", "unicorn"],
                name=ONE_RIDE_PER_UNICORN,
                condition=Q(state__in=[State.BOOKED.value, State.STARTED.value]) & ~Q(unicorn=""),
            ),
            models.CheckConstraint(
                condition=Q(price__gt=0), name="ride_booking_price_is_above_zero"
            ),
            models.CheckConstraint(
                condition=Q(
                    state=State.CANCELLED.value,
                    cancellation_fee__isnull=False,
                    cancellation_fee__gte=0,
                )
                | (~Q(state=State.CANCELLED.value) & Q(cancellation_fee__isnull=True)),
                name="ride_booking_fee_of_the_cancelled",
            ),
            models.CheckConstraint(
                condition=Q(state=State.COMPLETED.value, ride_completion__isnull=False)
                | (~Q(state=State.COMPLETED.value) & Q(ride_completion__isnull=True)),
                name="ride_booking_completion_of_the_completed",
            ),
        ]
        indexes = [
            models.Index(fields=["customer", "id"], name="ride_booking_rides_of_customer"),
            models.Index(fields=["fleet", "id"], name="ride_booking_rides_of_fleet"),
        ]

    def __str__(self) -> str:
        return f"{self.origin} to {self.destination}, {self.price} {self.currency}"


class RideEvent(models.Model):
    """One entry of a ride's timeline. Never changed: the database refuses it.

    `by` is the role of whoever did it: customer, unicorn, staff, or a fleet's name for its quote.
    """

    class Kind(models.TextChoices):
        REQUESTED = "requested", "Requested"
        QUOTED = "quoted", "Quoted"
        BOOKED = "booked", "Booked"
        STARTED = "started", "Started"
        COMPLETED = "completed", "Completed"
        CANCELLED = "cancelled", "Cancelled"

    ride = models.ForeignKey(
        Ride, on_delete=models.PROTECT, related_name="timeline", db_index=False
    )
    kind = models.CharField(max_length=10, choices=Kind.choices)
    at = models.DateTimeField()
    by = models.CharField(max_length=64, blank=True)
    note = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["ride", "kind"], name="ride_booking_each_event_once"),
        ]

    def __str__(self) -> str:
        return self.kind


class Charge(models.Model):
    """One line of a ride's receipt; a refund is negative. Never changed, as the timeline."""

    class Kind(models.TextChoices):
        FARE = "fare", "Fare"
        CANCELLATION_FEE = "cancellation_fee", "Cancellation fee"
        CHARGE = "charge", "Later charge"
        REFUND = "refund", "Refund"

    ride = models.ForeignKey(Ride, on_delete=models.PROTECT, related_name="charges")
    kind = models.CharField(max_length=20, choices=Kind.choices)
    amount = models.DecimalField(max_digits=12, decimal_places=2)
    currency = models.CharField(max_length=3)
    at = models.DateTimeField()
    note = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["ride", "kind"],
                name="ride_booking_fare_and_fee_once",
                condition=Q(kind__in=["fare", "cancellation_fee"]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.amount} {self.currency}"


class Payment(models.Model):
    """Money that moved for a ride: what was charged to a card or, negative, given back.

    Its id is that of the fare's collection, or of the refund. Never changed, as the receipt.
    """

    id = models.UUIDField(primary_key=True, editable=False)
    ride = models.ForeignKey(Ride, on_delete=models.PROTECT, related_name="payments")
    amount = models.DecimalField(max_digits=12, decimal_places=2)
    currency = models.CharField(max_length=3)
    card = models.CharField(max_length=20, blank=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}"
