"""Which rides' fares are collected, what the sagas want written down, and what they are told."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils import timezone

from apps.fare_collection import sagas
from apps.fare_collection.messages import (
    Fare,
    MarkCollected,
    MarkFailed,
    MarkRefunded,
    MarkRefundFailed,
    RegisterFare,
    RegisterRefund,
)
from apps.fare_collection.operations import collecting, refunding
from apps.fare_collection.operations.collecting import Due
from apps.unicorn_management import messages as unicorn_management
from wildrydes import saga
from wildrydes.answering import Answer, answered, answers, declined
from wildrydes.envelope import Envelope
from wildrydes.subscriptions import subscribe_batch

Answers = list[Answer | None]

saga.orchestrates(sagas.ADVANCE)


@subscribe_batch("fare_collection.collect")
def collect(envelopes: Sequence[Envelope]) -> None:
    """Begin to collect the fare of each completed ride."""
    collecting.begin(due=[_due(envelope) for envelope in envelopes])


@answers("fare_collection.register")
def register(envelopes: Sequence[Envelope]) -> Answers:
    """Write down which fares are being collected."""
    fares = [RegisterFare.from_data(envelope.data) for envelope in envelopes]
    return [_said(text) for text in collecting.register(fares=fares, now=timezone.now())]


@answers("fare_collection.mark_collected")
def mark_collected(envelopes: Sequence[Envelope]) -> Answers:
    """Write down which fares were collected."""
    marks = [MarkCollected.from_data(envelope.data) for envelope in envelopes]
    collecting.mark_collected(collected=marks, now=timezone.now())
    return [_said() for _ in marks]


@answers("fare_collection.mark_failed")
def mark_failed(envelopes: Sequence[Envelope]) -> Answers:
    """Write down which fares could not be collected."""
    marks = [MarkFailed.from_data(envelope.data) for envelope in envelopes]
    collecting.mark_failed(failed=marks, now=timezone.now())
    return [_said() for _ in marks]


@answers("fare_collection.register_refund")
def register_refund(envelopes: Sequence[Envelope]) -> Answers:
    """See to it that the refunds are there."""
    ids = [RegisterRefund.from_data(envelope.data).refund for envelope in envelopes]
    return [_said(text) for text in refunding.register(refunds=ids)]


@answers("fare_collection.mark_refunded")
def mark_refunded(envelopes: Sequence[Envelope]) -> Answers:
    """Write down which refunds were made."""
    ids = [MarkRefunded.from_data(envelope.data).refund for envelope in envelopes]
    refunding.mark_refunded(refunds=ids, now=timezone.now())
    return [_said() for _ in ids]


@answers("fare_collection.mark_refund_failed")
def mark_refund_failed(envelopes: Sequence[Envelope]) -> Answers:
    """Write down which refunds could not be made."""
    marks = [MarkRefundFailed.from_data(envelope.data) for envelope in envelopes]
    refunding.mark_failed(failed=marks, now=timezone.now())
    return [_said() for _ in marks]


def _said(refusal: str = "") -> Answer:
    return declined(refusal) if refusal else answered({})


def _due(envelope: Envelope) -> Due:
    ride = unicorn_management.RideCompleted.from_data(envelope.data)
    fare = Fare(
        ride_completion=ride.ride_completion,
        ride=ride.ride,
        customer=ride.customer,
        origin=ride.origin,
        destination=ride.destination,
        amount=ride.fare,
        currency=ride.currency,
    )
    return Due(fare=fare, cause=envelope)
