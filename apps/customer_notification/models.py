"""Whom to tell, and what they were told."""

from django.db import models

from wildrydes.models import new_id

STAFF = ""


class Contact(models.Model):
    """Where a customer can be reached. An empty `email` means: in the app only.

    `as_of` is when that was said: what was said earlier and arrives later changes nothing.
    """

    customer = models.CharField(max_length=64, primary_key=True)
    email = models.EmailField(blank=True)
    name = models.CharField(max_length=200, blank=True)
    as_of = models.DateTimeField()

    def __str__(self) -> str:
        return self.customer


class Notification(models.Model):
    """One thing that a customer was told; of each kind at most one about the same thing.

    `customer` is empty where it is for staff. `about` is the ride completion, the booked ride, the
    request for quotes, the prebooking, the collection of a fare or its refund that it speaks of; of
    a stuck fare it is the event that said so, since the same saga may get stuck again.

    `message_id` is the message that it speaks of; the e-mail's Message-ID is derived from it.
    """

    class Kind(models.TextChoices):
        RIDE_COMPLETED = "ride_completed", "Ride completed"
        RIDE_BOOKED = "ride_booked", "Ride booked"
        RIDE_CANCELLED = "ride_cancelled", "Ride cancelled"
        NO_QUOTES = "no_quotes", "No quotes"
        PREBOOKED = "prebooked", "Ride prebooked"
        PREBOOKING_REJECTED = "prebooking_rejected", "Prebooking rejected"
        PREBOOKING_CANCELLED = "prebooking_cancelled", "Prebooking cancelled"
        PREBOOKING_UNFULFILLED = "prebooking_unfulfilled", "No unicorn for a prebooking"
        FARE_COLLECTED = "fare_collected", "Fare collected"
        FARE_FAILED = "fare_failed", "Fare not collected"
        FARE_REFUNDED = "fare_refunded", "Fare refunded"
        FARE_STUCK = "fare_stuck", "Fare needs a person"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    customer = models.CharField(max_length=64, blank=True)
    kind = models.CharField(max_length=40, choices=Kind.choices)
    about = models.UUIDField()
    subject = models.CharField(max_length=200)
    body = models.TextField()
    created_at = models.DateTimeField()
    emailed_at = models.DateTimeField(null=True, blank=True)
    message_id = models.UUIDField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["about", "kind"], name="customer_notification_once"),
        ]
        indexes = [models.Index(fields=["customer", "id"], name="customer_notification_inbox")]

    def __str__(self) -> str:
        return self.subject
