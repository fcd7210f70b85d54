"""Capture payments: take what the cards hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from apps.customer_payment.gateway import DeclinedError, Gateway, Intent, State
from apps.customer_payment.models import Payment, PaymentEvent
from apps.customer_payment.operations import batches
from apps.customer_payment.operations.standing import Order, Settled, Standing, note

UNKNOWN = "there is no such payment"
OVER = "the authorisation is no longer valid"


def capture(*, orders: Sequence[Order], now: datetime) -> list[Settled]:
    """Take the amount of each payment that is authorised. As `batches.carry_out`.

    One that we never heard of is declined.
    """
    return batches.carry_out(_Capturing(), orders, now=now)


def take(payment: Payment, intent: Intent, *, order: Order, now: datetime) -> None:
    """Write down that the amount has been taken."""
    payment.status = Payment.Status.CAPTURED
    payment.captured, payment.updated_at = intent.captured, now
    payment.save(update_fields=["status", "captured", "updated_at"])
    note(payment, PaymentEvent.Kind.CAPTURED, order=order, now=now, amount=intent.captured)


class _Capturing:
    name = "capture"

    def prepare(
        self, orders: Sequence[Order], standings: Mapping[str, Standing], now: datetime
    ) -> None:
        """Nothing has to be done before."""

    def at_once(self, order: Order, standing: Standing, now: datetime) -> Settled | None:
        """Settle a payment that is captured, or cannot be."""
        payment = standing.payment
        if payment is None:
            return Settled(payment=None, declined=UNKNOWN)
        match payment.status:
            case Payment.Status.AUTHORISED:
                return None
            case Payment.Status.CAPTURED:
                return Settled(payment=payment, amount=payment.captured)
        return Settled(payment=payment, declined=f"the payment is {payment.status}")

    def ask(self, order: Order, standing: Standing, provider: Gateway) -> Intent:
        """Take the amount; where the provider says no, see how it stands."""
        assert standing.payment is not None
        intent = standing.payment.provider_id
        try:
            return provider.capture(intent, key=standing.provider_key(order))
        except DeclinedError as error:
            return replace(provider.find(intent), reason=str(error))

    def settle(self, order: Order, standing: Standing, said: Intent, now: datetime) -> Settled:
        """Write down that the amount was taken, or why not."""
        assert standing.payment is not None
        payment = standing.payment
        if said.state is State.CAPTURED:
            take(payment, said, order=order, now=now)
            return Settled(payment=payment, amount=payment.captured)
        why = OVER if said.state is State.CANCELLED else said.reason
        if said.state is State.CANCELLED:
            payment.status, payment.updated_at = Payment.Status.RELEASED, now
            payment.save(update_fields=["status", "updated_at"])
        note(payment, PaymentEvent.Kind.CAPTURE_DECLINED, order=order, now=now, why=why)
        return Settled(payment=payment, declined=why)
