"""Payment methods, payments, refunds, and what happened to each payment.

Of a card only the provider's token, its brand and its last four digits are ever here. The database
keeps that no more is refunded than was captured, and captured than was authorised.
"""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from wildrydes.models import new_id


class PaymentMethod(models.Model):
    """A card that a customer pays with. One of a customer's is the default.

    `token` and `provider_customer` are the provider's names for it and for its owner.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    customer = models.CharField(max_length=64)
    token = models.CharField(max_length=200)
    provider_customer = models.CharField(max_length=200, blank=True)
    brand = models.CharField(max_length=40)
    last4 = models.CharField("last four digits", max_length=4)
    is_default = models.BooleanField(default=False)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["customer", "token"], name="customer_payment_method_once"
            ),
            models.UniqueConstraint(
                fields=["customer"],
                name="customer_payment_one_default",
                condition=Q(is_default=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.brand} {card(self.last4)}"


class Payment(models.Model):
    """Money that a customer pays, under the caller's own `reference`.

    A `void` one was called off before it was heard of: it keeps a late authorisation out.
    """

    class Status(models.TextChoices):
        AUTHORISED = "authorised", "Authorised"
        DECLINED = "declined", "Declined"
        CAPTURED = "captured", "Captured"
        RELEASED = "released", "Released"
        REFUNDED = "refunded", "Refunded"
        VOID = "void", "Void"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    reference = models.CharField(max_length=200, unique=True)
    customer = models.CharField(max_length=64, blank=True)
    amount = models.DecimalField(max_digits=12, decimal_places=2, default=0)
    captured = models.DecimalField(max_digits=12, decimal_places=2, default=0)
    refunded = models.DecimalField(max_digits=12, decimal_places=2, default=0)
    currency = models.CharField(max_length=3, blank=True)
    status = models.CharField(max_length=10, choices=Status.choices)
    provider_id = models.CharField(max_length=200, blank=True)
    last4 = models.CharField("last four digits", max_length=4, blank=True)
    reason = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(refunded__gte=0)
                & Q(refunded__lte=F("captured"))
                & Q(captured__lte=F("amount")),
                name="customer_payment_amounts_fit",
            ),
            models.UniqueConstraint(
                fields=["provider_id"],
                name="customer_payment_one_per_intent",
                condition=~Q(provider_id=""),
            ),
        ]
        indexes = [
            models.Index(fields=["customer", "id"], name="customer_payment_of_customer"),
        ]

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}, {self.status}"


class ProviderIntent(models.Model):
    """What was opened at the provider for a reference, before it was asked to touch any money.

    It is written on a connection of its own and so outlives a handler that fails or dies: whoever
    comes later knows whom to ask what became of it.
    """

    reference = models.CharField(max_length=200, primary_key=True)
    provider_id = models.CharField(max_length=200)
    last4 = models.CharField("last four digits", max_length=4)
    opened_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.provider_id


class Refund(models.Model):
    """Money that was given back. `key` is the command's own name for it."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="refunds")
    key = models.CharField(max_length=255, unique=True)
    amount = models.DecimalField(max_digits=12, decimal_places=2)
    provider_id = models.CharField(max_length=200)
    refunded_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(amount__gt=0), name="customer_payment_refund_above_0"
            )
        ]

    def __str__(self) -> str:
        return f"{self.amount}"


class PaymentEvent(models.Model):
    """One thing that happened to a payment. Append-only: the second migration keeps it so.

    `provider_event` is the provider's own id of what it told us by itself, `command_position` the
    place in its sender's log of the command that led to it.
    """

    class Kind(models.TextChoices):
        AUTHORISED = "authorised", "Authorised"
        DECLINED = "declined", "Declined"
        CAPTURED = "captured", "Captured"
        CAPTURE_DECLINED = "capture_declined", "Capture declined"
        RELEASED = "released", "Released"
        REFUNDED = "refunded", "Refunded"
        REFUND_DECLINED = "refund_declined", "Refund declined"
        VOID = "void", "Called off before it was made"
        TOLD = "told", "Told by the provider"

    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="events")
    kind = models.CharField(max_length=20, choices=Kind.choices)
    at = models.DateTimeField()
    amount = models.DecimalField(max_digits=12, decimal_places=2, null=True, blank=True)
    key = models.CharField(max_length=255, blank=True)
    command_position = models.BigIntegerField(default=0, db_default=0)
    note = models.CharField(max_length=500, blank=True)
    provider_event = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["provider_event"],
                name="customer_payment_told_once",
                condition=~Q(provider_event=""),
            ),
        ]
        indexes = [models.Index(fields=["payment", "id"], name="customer_payment_story")]

    def __str__(self) -> str:
        return f"{self.kind} {self.at:%Y-%m-%d %H:%M:%S}"


def card(last4: str) -> str:
    """Return what is shown of a card."""
    return f"•••• {last4}" if last4 else ""
