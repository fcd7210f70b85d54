"""What customer payment is asked."""

from __future__ import annotations

from django.db.models import QuerySet

from apps.customer_payment.models import Payment, PaymentMethod


def methods_of(*, customer: str) -> QuerySet[PaymentMethod]:
    """Return a customer's cards, newest first."""
    return PaymentMethod.objects.filter(customer=customer).order_by("-id")


def payments() -> QuerySet[Payment]:
    """Return payments with their stories."""
    return Payment.objects.prefetch_related("events", "refunds")
