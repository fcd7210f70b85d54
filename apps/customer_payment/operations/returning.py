"""Release and refund: bring a customer's money back to where it was, wherever it is by now.

The provider is asked how the payment stands before anything is assumed. A payment that may have
been captured although nobody told us is found captured, and refunded; one that is not is cancelled,
and whatever comes late to it is refused by the provider.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from apps.customer_payment import gateway
from apps.customer_payment.gateway import (
    DeclinedError,
    Gateway,
    Intent,
    State,
    UnknownOutcomeError,
)
from apps.customer_payment.models import Payment, PaymentEvent, Refund
from apps.customer_payment.operations import batches, capturing
from apps.customer_payment.operations.standing import (
    Order,
    Settled,
    Standing,
    call_off,
    note,
)

TAKEN = "the money has been taken; it can be refunded"
OVER = (Payment.Status.RELEASED, Payment.Status.DECLINED, Payment.Status.VOID)


@dataclass(frozen=True, kw_only=True)
class Repayment(Order):
    """Money to be given back; all of it where no amount is named."""

    amount: Decimal | None = None


@dataclass(frozen=True, kw_only=True)
class Returned:
    """How the payment stands at the provider, what was given back, or why it was not."""

    intent: Intent
    refund: gateway.Refund | None = None
    refused: str = ""


def release(*, orders: Sequence[Order], now: datetime) -> list[Settled]:
    """Let go of what each payment holds, if it holds anything. As `batches.carry_out`.

    What was captured is left, and said. A payment that was never heard of is called off.
    """
    return batches.carry_out(_Releasing(), orders, now=now)


def refund(*, orders: Sequence[Repayment], now: datetime) -> list[Settled]:
    """Give money back. As `batches.carry_out`.

    What is only authorised is released. A payment that was never heard of is called off.
    """
    return batches.carry_out(_Refunding(), orders, now=now)


class _Releasing:
    name = "release"

    def prepare(
        self, orders: Sequence[Order], standings: Mapping[str, Standing], now: datetime
    ) -> None:
        """Nothing has to be done before."""

    def at_once(self, order: Order, standing: Standing, now: datetime) -> Settled | None:
        """Settle a payment that holds nothing, or that was never heard of."""
        payment = standing.payment
        if payment is None:
            called_off = None if standing.intent else call_off(order, now=now)
            return Settled(payment=called_off) if called_off else None
        if payment.status == Payment.Status.AUTHORISED:
            return None
        is_taken = payment.status == Payment.Status.CAPTURED
        return Settled(payment=payment, declined=TAKEN if is_taken else "")

    def ask(self, order: Order, standing: Standing, provider: Gateway) -> Intent:
        """Cancel, unless it is too late for that."""
        return _cancelled(_intent_of(standing), order, provider)

    def settle(self, order: Order, standing: Standing, said: Intent, now: datetime) -> Settled:
        """Write down that nothing is held any more, or that it was taken."""
        payment = standing.payment or _unrecorded(order, standing, said, now=now)
        if said.state is State.CAPTURED:
            capturing.take(payment, said, order=order, now=now)
            return Settled(payment=payment, declined=TAKEN)
        return _released(payment, order=order, now=now)


class _Refunding:
    name = "refund"

    def prepare(
        self, orders: Sequence[Repayment], standings: Mapping[str, Standing], now: datetime
    ) -> None:
        """Nothing has to be done before."""

    def at_once(self, order: Repayment, standing: Standing, now: datetime) -> Settled | None:
        """Settle an order that was carried out, or has nothing to give back."""
        payment = standing.payment
        if payment is None:
            called_off = None if standing.intent else call_off(order, now=now)
            return Settled(payment=called_off) if called_off else None
        for made in Refund.objects.filter(key=order.key, payment=payment):
            return Settled(payment=payment, amount=made.amount)
        if payment.status in OVER:
            return Settled(payment=payment)
        left = payment.captured - payment.refunded
        if payment.status != Payment.Status.AUTHORISED and (order.amount or 0) > left:
            return Settled(payment=payment, declined=f"only {left} is left to be refunded")
        is_over = payment.status == Payment.Status.REFUNDED
        return Settled(payment=payment) if is_over else None

    def ask(self, order: Repayment, standing: Standing, provider: Gateway) -> Returned:
        """Give back what was taken; cancel where nothing was."""
        intent = provider.find(_intent_of(standing))
        if intent.state is not State.CAPTURED:
            intent = _cancelled(intent.id, order, provider)
        if intent.state is not State.CAPTURED:
            return Returned(intent=intent)
        made = provider.refunds(intent)
        for one in made:
            if one.key.partition("#")[0] == order.key:
                return Returned(intent=intent, refund=one)
        left = intent.captured - sum(one.amount for one in made)
        amount = left if order.amount is None else order.amount
        if amount > left or not left:
            return Returned(intent=intent, refused=f"only {left} is left to be refunded")
        key = standing.provider_key(order)
        try:
            given = provider.refund(intent, amount=amount, key=key)
        except DeclinedError as error:
            return Returned(intent=intent, refused=str(error))
        return Returned(intent=intent, refund=given)

    def settle(
        self, order: Repayment, standing: Standing, said: Returned, now: datetime
    ) -> Settled:
        """Write down what was given back, or why not."""
        payment = standing.payment or _unrecorded(order, standing, said.intent, now=now)
        if said.intent.state is not State.CAPTURED:
            return _released(payment, order=order, now=now)
        if not payment.captured:
            capturing.take(payment, said.intent, order=order, now=now)
        if said.refund is None:
            kind = PaymentEvent.Kind.REFUND_DECLINED
            note(payment, kind, order=order, now=now, amount=order.amount, why=said.refused)
            return Settled(payment=payment, declined=said.refused)
        return _refunded(payment, said.refund, order=order, now=now)


def _intent_of(standing: Standing) -> str:
    if standing.payment is not None and standing.payment.provider_id:
        return standing.payment.provider_id
    assert standing.intent is not None
    return standing.intent.provider_id


def _cancelled(intent: str, order: Order, provider: Gateway) -> Intent:
    """Cancel an intent; return how it stands, which may be captured."""
    try:
        return provider.cancel(intent, key=f"{order.key}/cancel")
    except DeclinedError as error:
        found = provider.find(intent)
        if found.state not in (State.CANCELLED, State.CAPTURED):
            raise UnknownOutcomeError(f"{intent} is {found.state}: {error}") from None
        return found


def _unrecorded(order: Order, standing: Standing, intent: Intent, *, now: datetime) -> Payment:
    """Write down a payment of which we only know that it was opened at the provider."""
    return Payment.objects.create(
        reference=order.reference,
        amount=intent.amount,
        currency=intent.currency.upper(),
        status=Payment.Status.AUTHORISED,
        provider_id=intent.id,
        last4=standing.intent.last4 if standing.intent else "",
        created_at=now,
        updated_at=now,
    )


def _released(payment: Payment, *, order: Order, now: datetime) -> Settled:
    payment.status, payment.updated_at = Payment.Status.RELEASED, now
    payment.save(update_fields=["status", "updated_at"])
    note(payment, PaymentEvent.Kind.RELEASED, order=order, now=now, amount=payment.amount)
    return Settled(payment=payment)


def _refunded(payment: Payment, made: gateway.Refund, *, order: Order, now: datetime) -> Settled:
    Refund.objects.create(
        payment=payment,
        key=order.key,
        amount=made.amount,
        provider_id=made.id,
        refunded_at=now,
    )
    payment.refunded += made.amount
    is_all = payment.refunded == payment.captured
    payment.status = Payment.Status.REFUNDED if is_all else Payment.Status.CAPTURED
    payment.updated_at = now
    payment.save(update_fields=["status", "refunded", "updated_at"])
    note(payment, PaymentEvent.Kind.REFUNDED, order=order, now=now, amount=made.amount)
    return Settled(payment=payment, amount=made.amount)
