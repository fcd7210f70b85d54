"""The cards of the demo customers: test tokens, one for each way that a payment can go."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from apps.customer_payment.models import PaymentMethod


@dataclass(frozen=True)
class TestCard:
    """A test token, and what stands on its card."""

    token: str
    last4: str


VISA = TestCard("pm_card_visa", "4242")
CARDS = {
    "cmr": VISA,
    "thandi": VISA,
    "pieter": VISA,
    "cmr-declined": TestCard("pm_card_chargeDeclined", "0002"),
    "cmr-capture": TestCard("pm_sandbox_captureDeclined", "0341"),
    "cmr-closed": VISA,
    "cmr-refund": TestCard("pm_sandbox_refundFails", "5126"),
}


def seed(*, now: datetime) -> None:
    """Give every demo customer who has no card one. Safe to call again, and by two at once."""
    rows = [
        PaymentMethod(
            customer=customer,
            token=card.token,
            brand="visa",
            last4=card.last4,
            is_default=True,
            created_at=now,
        )
        for customer, card in sorted(CARDS.items())
        if not PaymentMethod.objects.filter(customer=customer).exists()
    ]
    PaymentMethod.objects.bulk_create(rows, ignore_conflicts=True)
