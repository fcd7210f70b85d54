"""Which messages the ledger is kept from, and what it answers to those who command."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils import timezone

from apps.customer_accounting import operations, payments, refunds
from apps.customer_accounting.messages import (
    CreditPayment,
    RecordRefund,
    ReverseCredit,
    ReverseRefund,
)
from apps.customer_accounting.outcomes import Outcome
from apps.unicorn_management import messages as unicorn_management
from wildrydes.envelope import Envelope
from wildrydes.scatter_gather import Answer, answered, answers, declined
from wildrydes.subscriptions import subscribe_batch


@subscribe_batch("customer_accounting.record_fare")
def record_fare(envelopes: Sequence[Envelope]) -> None:
    """Enter the fare of each completed ride."""
    operations.record_ride_fares(fares=[_fare(envelope) for envelope in envelopes])


@answers("customer_accounting.credit_payment")
def credit_payment(envelopes: Sequence[Envelope]) -> list[Answer | None]:
    """Enter what each customer has paid for a ride."""
    credits = [CreditPayment.from_data(envelope.data) for envelope in envelopes]
    return _said(payments.credit_payments(credits=credits, now=timezone.now()))


@answers("customer_accounting.reverse_credit")
def reverse_credit(envelopes: Sequence[Envelope]) -> list[Answer | None]:
    """Take back what was entered as paid."""
    references = [ReverseCredit.from_data(envelope.data).reference for envelope in envelopes]
    return _said(payments.reverse_credits(references=references, now=timezone.now()))


@answers("customer_accounting.record_refund")
def record_refund(envelopes: Sequence[Envelope]) -> list[Answer | None]:
    """Enter what each customer gets back."""
    wanted = [RecordRefund.from_data(envelope.data) for envelope in envelopes]
    return _said(refunds.record_refunds(refunds=wanted, now=timezone.now()))


@answers("customer_accounting.reverse_refund")
def reverse_refund(envelopes: Sequence[Envelope]) -> list[Answer | None]:
    """Take back what was entered as given back."""
    references = [ReverseRefund.from_data(envelope.data).reference for envelope in envelopes]
    return _said(refunds.reverse_refunds(references=references, now=timezone.now()))


def _said(outcomes: Sequence[Outcome]) -> list[Answer | None]:
    return [_answer(outcome) for outcome in outcomes]


def _answer(outcome: Outcome) -> Answer:
    if outcome.refusal:
        return declined(outcome.refusal)
    return answered({"entry": str(outcome.entry)} if outcome.entry else {})


def _fare(envelope: Envelope) -> operations.RideFare:
    ride = unicorn_management.RideCompleted.from_data(envelope.data)
    return operations.RideFare(
        ride_completion=ride.ride_completion,
        customer=ride.customer,
        fare=ride.fare,
        currency=ride.currency,
        description=f"Ride from {ride.origin} to {ride.destination}",
        occurred_at=ride.completed_at,
    )
