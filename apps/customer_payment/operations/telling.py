"""Write down what the provider tells us by itself: disputes, refunds, a success that came late."""

from __future__ import annotations

from datetime import datetime

import structlog

from apps.customer_payment.gateway.webhooks import Told
from apps.customer_payment.models import Payment, PaymentEvent, ProviderIntent

log = structlog.get_logger(__name__)


class NotYetError(Exception):
    """What was told is about a payment that is being made right now."""


def record(*, told: Told, now: datetime) -> None:
    """Add what was told to its payment's story, once, whatever number of times it is told.

    It changes no payment: that is done by commands, which ask the provider themselves. What is
    about no payment of ours is said in the log. Raises `NotYetError` when it is told again later.
    """
    payment = Payment.objects.filter(provider_id=told.intent).exclude(provider_id="").first()
    if payment is None:
        if ProviderIntent.objects.filter(provider_id=told.intent).exists():
            raise NotYetError(told.intent)
        log.warning("provider_told_of_no_payment", event_id=told.id, event_type=told.type)
        return
    row = PaymentEvent(
        payment=payment,
        kind=PaymentEvent.Kind.TOLD,
        at=now,
        amount=told.amount,
        note=" ".join(filter(None, (told.type, told.note))),
        provider_event=told.id,
    )
    PaymentEvent.objects.bulk_create([row], ignore_conflicts=True)
