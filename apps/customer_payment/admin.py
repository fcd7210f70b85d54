"""Payments as operators see them: to be read. Commands change them, and each leaves its trace."""

from __future__ import annotations

from collections.abc import Sequence

from django.contrib import admin
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import display

from apps.customer_payment import models
from apps.customer_payment.models import Payment, PaymentEvent, PaymentMethod, Refund
from wildrydes.admin_lists import DayRangeFilter, FastCountAdmin, ReadOnlyAdmin
from wildrydes.admin_search import ExactSearchAdmin

STATUS_LABELS = {
    Payment.Status.AUTHORISED: "info",
    Payment.Status.CAPTURED: "success",
    Payment.Status.DECLINED: "danger",
    Payment.Status.REFUNDED: "warning",
}


class RefundInline(ReadOnlyAdmin, TabularInline):
    """What was given back."""

    model = Refund
    fields = ("amount", "provider_id", "refunded_at", "key")
    ordering = ("id",)


class PaymentEventInline(ReadOnlyAdmin, TabularInline):
    """What happened to the payment, in order."""

    model = PaymentEvent
    fields = ("at", "kind", "amount", "note", "key", "provider_event")
    ordering = ("id",)


@admin.register(Payment)
class PaymentAdmin(ExactSearchAdmin, ReadOnlyAdmin, FastCountAdmin, ModelAdmin):
    """Payments, newest first; on a payment's page its refunds and its story."""

    list_display = (
        "created_at",
        "reference",
        "customer",
        "total",
        "captured",
        "refunded",
        "card",
        "coloured_status",
    )
    list_display_links = ("created_at", "reference")
    list_filter = (("created_at", DayRangeFilter), "status")
    list_filter_submit = True
    search_fields = ("id", "reference", "customer", "provider_id")
    search_help_text = "Id, reference, customer or the provider's id, whole."
    ordering = ("-id",)
    sortable_by: Sequence[str] = ()
    fields = (
        "id",
        "reference",
        "customer",
        ("amount", "captured", "refunded", "currency"),
        "status",
        ("provider_id", "card"),
        "reason",
        ("created_at", "updated_at"),
    )
    readonly_fields = ("card",)
    inlines = (RefundInline, PaymentEventInline)

    @display(description="Amount")
    def total(self, payment: Payment) -> str:
        """Return the amount with its currency."""
        return f"{payment.amount} {payment.currency}"

    @display(description="Card")
    def card(self, payment: Payment) -> str:
        """Return what is known of the card."""
        return models.card(payment.last4)

    @display(description="Status", label=STATUS_LABELS)
    def coloured_status(self, payment: Payment) -> str:
        """Return the status, which unfold colours."""
        return payment.status


@admin.register(PaymentMethod)
class PaymentMethodAdmin(ExactSearchAdmin, ReadOnlyAdmin, FastCountAdmin, ModelAdmin):
    """The cards that customers pay with, newest first."""

    list_display = ("customer", "brand", "card", "is_default", "created_at")
    search_fields = ("customer", "id")
    search_help_text = "Customer or id, whole."
    ordering = ("-id",)
    sortable_by: Sequence[str] = ()
    fields = ("id", "customer", ("brand", "card"), "is_default", "created_at", "token")
    readonly_fields = ("card",)

    @display(description="Card")
    def card(self, method: PaymentMethod) -> str:
        """Return what is known of the card."""
        return models.card(method.last4)
