"""Which commands customer payment takes: authorise, capture, release and refund a payment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.utils import timezone

from apps.customer_payment import models
from apps.customer_payment.messages import (
    AuthorisePayment,
    CapturePayment,
    RefundPayment,
    ReleasePayment,
)
from apps.customer_payment.operations import authorising, capturing, returning
from apps.customer_payment.operations.standing import Order, Settled
from wildrydes import answering
from wildrydes.answering import Answer
from wildrydes.envelope import Envelope


@answering.answers("customer_payment.authorise", outside_effects=True)
def authorise(envelopes: Sequence[Envelope]) -> list[Answer | None]:
    """Have each customer's card hold the amount."""
    return _answers(
        authorising.authorise(
            orders=[_authorisation(envelope) for envelope in envelopes], now=timezone.now()
        )
    )


@answering.answers("customer_payment.capture", outside_effects=True)
def capture(envelopes: Sequence[Envelope]) -> list[Answer | None]:
    """Take what the cards hold."""
    commands = [CapturePayment.from_data(envelope.data) for envelope in envelopes]
    orders = [
        Order(
            reference=command.reference,
            key=_key(envelope, "capture", command.reference),
            position=envelope.position,
        )
        for envelope, command in zip(envelopes, commands, strict=True)
    ]
    return _answers(capturing.capture(orders=orders, now=timezone.now()))


@answering.answers("customer_payment.release", outside_effects=True)
def release(envelopes: Sequence[Envelope]) -> list[Answer | None]:
    """Let go of what the cards hold."""
    commands = [ReleasePayment.from_data(envelope.data) for envelope in envelopes]
    orders = [
        Order(
            reference=command.reference,
            key=_key(envelope, "release", command.reference),
            position=envelope.position,
        )
        for envelope, command in zip(envelopes, commands, strict=True)
    ]
    return _answers(returning.release(orders=orders, now=timezone.now()))


@answering.answers("customer_payment.refund", outside_effects=True)
def refund(envelopes: Sequence[Envelope]) -> list[Answer | None]:
    """Give money back."""
    return _answers(
        returning.refund(
            orders=[_repayment(envelope) for envelope in envelopes], now=timezone.now()
        )
    )


def _authorisation(envelope: Envelope) -> authorising.Authorisation:
    command = AuthorisePayment.from_data(envelope.data)
    return authorising.Authorisation(
        reference=command.reference,
        key=_key(envelope, "authorise", command.reference),
        position=envelope.position,
        customer=command.customer,
        amount=command.amount,
        currency=command.currency,
        description=command.description,
    )


def _repayment(envelope: Envelope) -> returning.Repayment:
    command = RefundPayment.from_data(envelope.data)
    return returning.Repayment(
        reference=command.reference,
        key=_key(envelope, "refund", command.reference),
        position=envelope.position,
        amount=command.amount,
    )


def _key(envelope: Envelope, verb: str, reference: str) -> str:
    """Return what stays the same however often the command is sent."""
    return envelope.subject or f"{reference}/{verb}"


def _answers(settled: Sequence[Settled]) -> list[Answer | None]:
    return [_answer(item) for item in settled]


def _answer(settled: Settled) -> Answer:
    if settled.declined or settled.payment is None:
        return answering.declined(settled.declined)
    payment = settled.payment
    data: dict[str, Any] = {
        "payment": str(payment.id),
        "status": payment.status,
        "provider_id": payment.provider_id,
        "card": models.card(payment.last4),
    }
    if settled.amount is not None:
        data["amount"] = f"{settled.amount:.2f}"
    return answering.answered(data)
