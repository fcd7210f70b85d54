"""How a fare is collected, and how it is given back: two sagas, step by step.

A payment is known to customer payment and customer accounting by the collection's id; a refund is
known to customer accounting by its own.
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from apps.customer_accounting import messages as accounting
from apps.customer_payment import messages as payment
from apps.fare_collection.messages import (
    Fare,
    FareCollectionStuck,
    MarkCollected,
    MarkFailed,
    MarkRefunded,
    MarkRefundFailed,
    RegisterFare,
    RegisterRefund,
)
from apps.fare_collection.models import COLLECT, REFUND
from wildrydes import saga
from wildrydes.outgoing import Body
from wildrydes.retry import RetryPolicy
from wildrydes.saga import BACK, Facts, Step

ADVANCE = "fare_collection.advance"
LONGEST_DESCRIPTION = 200

IN_TIME = timedelta(minutes=10)
AT_HOME = RetryPolicy(max_attempts=5, first=timedelta(seconds=2), cap=timedelta(minutes=1))
OUTSIDE = RetryPolicy(max_attempts=8, first=timedelta(seconds=5), cap=timedelta(minutes=5))


def _register(facts: Facts) -> Body:
    return RegisterFare(collection=facts.saga, **_fare(facts))


def _mark_failed(facts: Facts) -> Body:
    return MarkFailed(
        collection=facts.saga,
        step=facts.failed_step,
        reason=facts.reason,
        given_back="capture" in facts.results,
        **_fare(facts),
    )


def _authorise(facts: Facts) -> Body:
    fare = Fare.from_data(facts.input)
    return payment.AuthorisePayment(
        reference=str(facts.saga),
        customer=fare.customer,
        amount=fare.amount,
        currency=fare.currency,
        description=f"Ride from {fare.origin} to {fare.destination}"[:LONGEST_DESCRIPTION],
    )


def _release(facts: Facts) -> Body:
    return payment.ReleasePayment(reference=str(facts.saga))


def _capture(facts: Facts) -> Body:
    return payment.CapturePayment(reference=str(facts.saga))


def _give_back(facts: Facts) -> Body:
    return payment.RefundPayment(reference=str(facts.saga))


def _credit(facts: Facts) -> Body:
    fare = Fare.from_data(facts.input)
    return accounting.CreditPayment(
        reference=str(facts.saga),
        ride_completion=fare.ride_completion,
        customer=fare.customer,
        amount=fare.amount,
        currency=fare.currency,
    )


def _reverse_credit(facts: Facts) -> Body:
    return accounting.ReverseCredit(reference=str(facts.saga))


def _mark_collected(facts: Facts) -> Body:
    card = facts.results.get("authorise", {}).get("card", "")
    return MarkCollected(collection=facts.saga, card=card, **_fare(facts))


def _costs_something(facts: Facts) -> bool:
    return Fare.from_data(facts.input).amount > Decimal(0)


def _register_refund(facts: Facts) -> Body:
    return RegisterRefund(refund=_refund_of(facts))


def _end_refund(facts: Facts) -> Body:
    """What was given back is written down as such, also by a saga that is turned round by hand."""
    if _was_given_back(facts):
        return MarkRefunded(refund=_refund_of(facts))
    return MarkRefundFailed(refund=_refund_of(facts), step=facts.failed_step, reason=facts.reason)


def _record_refund(facts: Facts) -> Body:
    fare = Fare.from_data(facts.input)
    return accounting.RecordRefund(
        reference=facts.key,
        of=facts.input["collection"],
        customer=fare.customer,
        amount=fare.amount,
        currency=fare.currency,
    )


def _reverse_refund(facts: Facts) -> Body | None:
    """The books say what the provider did: an entry for money that was given back stands."""
    return None if _was_given_back(facts) else accounting.ReverseRefund(reference=facts.key)


def _was_given_back(facts: Facts) -> bool:
    return "refund" in facts.results


def _refund_payment(facts: Facts) -> Body:
    fare = Fare.from_data(facts.input)
    return payment.RefundPayment(reference=facts.input["collection"], amount=fare.amount)


def _mark_refunded(facts: Facts) -> Body:
    return MarkRefunded(refund=_refund_of(facts))


def _tell_staff(facts: Facts) -> Body:
    """The collection is the saga itself, unless it is a refund's."""
    return FareCollectionStuck(
        collection=UUID(facts.input.get("collection", str(facts.saga))),
        saga=facts.saga,
        step=facts.failed_step,
        reason=facts.reason,
        **_fare(facts),
    )


def _fare(facts: Facts) -> dict[str, Any]:
    return vars(Fare.from_data(facts.input))


def _refund_of(facts: Facts) -> UUID:
    return UUID(facts.key)


# The keys are the ride completion's id, and the refund's.

collect = saga.define(
    saga.Definition(
        name=COLLECT,
        version=1,
        orchestrator=ADVANCE,
        timeout=timedelta(hours=1),
        steps=(
            Step("register", _register, _mark_failed, retry=AT_HOME, timeout=IN_TIME),
            Step(
                "authorise",
                _authorise,
                _release,
                retry=OUTSIDE,
                timeout=IN_TIME,
                when=_costs_something,
            ),
            Step(
                "capture",
                _capture,
                _give_back,
                retry=OUTSIDE,
                timeout=IN_TIME,
                when=_costs_something,
                pivot=True,
            ),
            Step(
                "credit",
                _credit,
                _reverse_credit,
                retry=AT_HOME,
                timeout=IN_TIME,
                when=_costs_something,
                refusal=BACK,
            ),
            Step(
                "mark_collected",
                _mark_collected,
                needs_no_compensation="what is written last is not followed by a failure",
                retry=AT_HOME,
                timeout=IN_TIME,
            ),
        ),
        stuck=_tell_staff,
    )
)

# The ledger is the pivot: whether the provider has given money back may stay unknown for a while,
# and until it is known neither more may be given nor the entry be taken back.
refund = saga.define(
    saga.Definition(
        name=REFUND,
        version=1,
        orchestrator=ADVANCE,
        timeout=timedelta(hours=1),
        steps=(
            Step("register", _register_refund, _end_refund, retry=AT_HOME, timeout=IN_TIME),
            Step(
                "record",
                _record_refund,
                _reverse_refund,
                retry=AT_HOME,
                timeout=IN_TIME,
                pivot=True,
            ),
            Step(
                "refund",
                _refund_payment,
                needs_no_compensation="what was given back is not taken again",
                retry=OUTSIDE,
                timeout=IN_TIME,
                refusal=BACK,
            ),
            Step(
                "mark_refunded",
                _mark_refunded,
                needs_no_compensation="what is written last is not followed by a failure",
                retry=AT_HOME,
                timeout=IN_TIME,
            ),
        ),
        stuck=_tell_staff,
    )
)
