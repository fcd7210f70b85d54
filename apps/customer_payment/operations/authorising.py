"""Authorise payments: have the customers' cards hold the amounts.

In two steps. The intent is opened and its id committed, on a connection of its own, before the
card is asked for anything: so whoever has to undo a payment whose outcome is unknown can find it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from functools import partial

from apps.customer_payment import gateway
from apps.customer_payment.gateway import DeclinedError, Gateway, Intent, State, Wanted
from apps.customer_payment.models import Payment, PaymentEvent, PaymentMethod, ProviderIntent
from apps.customer_payment.operations import asking, batches
from apps.customer_payment.operations.standing import (
    Order,
    Settled,
    Standing,
    note,
    write_ahead,
)

NO_METHOD = "there is no payment method"
CALLED_OFF = "the payment was called off"
OTHER = "another payment has this reference"
STATUS = {
    State.AUTHORISED: Payment.Status.AUTHORISED,
    State.CAPTURED: Payment.Status.CAPTURED,
    State.CANCELLED: Payment.Status.RELEASED,
}


@dataclass(frozen=True, kw_only=True)
class Authorisation(Order):
    """An amount that a customer's card is to hold."""

    customer: str
    amount: Decimal
    currency: str
    description: str


def authorise(*, orders: Sequence[Authorisation], now: datetime) -> list[Settled]:
    """Have each customer's card hold the amount; return what came of it. As `batches.carry_out`."""
    return batches.carry_out(_Authorising(), orders, now=now)


class _Authorising:
    name = "authorise"

    def prepare(
        self, orders: Sequence[Authorisation], standings: Mapping[str, Standing], now: datetime
    ) -> None:
        """Open an intent for each payment that has none yet, and commit its id."""
        new = [
            order
            for order in orders
            if not standings[order.reference].payment and not standings[order.reference].intent
        ]
        cards = _cards_of({order.customer for order in new})
        for order in new:
            standings[order.reference].obstacle = _obstacle(order, cards)
        free = [order for order in new if not standings[order.reference].obstacle]
        self._open(free, standings, cards, now=now)

    def _open(
        self,
        orders: Sequence[Authorisation],
        standings: Mapping[str, Standing],
        cards: Mapping[str, PaymentMethod],
        *,
        now: datetime,
    ) -> None:
        opened = asking.ask_all(
            {
                f"open {order.key}": partial(_opened, order, cards[order.customer])
                for order in orders
            }
        )
        ahead = []
        for order in orders:
            state, found = standings[order.reference], opened[f"open {order.key}"]
            if isinstance(found, Intent):
                last4 = cards[order.customer].last4
                state.opened = found
                state.intent = ProviderIntent(
                    reference=order.reference, provider_id=found.id, last4=last4, opened_at=now
                )
                ahead.append(state.intent)
            else:
                state.obstacle = found
        write_ahead(ahead)

    def at_once(self, order: Authorisation, standing: Standing, now: datetime) -> Settled | None:
        """Settle a payment that is there already, or that cannot be made."""
        if standing.payment is not None:
            return _known(order, standing.payment)
        if standing.obstacle:
            return _declined(order, now=now, why=standing.obstacle)
        return None

    def ask(self, order: Authorisation, standing: Standing, provider: Gateway) -> Intent:
        """Have the card hold the amount, unless it does or has declined to."""
        assert standing.intent is not None
        intent = standing.opened or provider.find(standing.intent.provider_id)
        if intent.state is not State.OPEN:
            return intent
        try:
            return provider.confirm(intent.id, key=order.key)
        except DeclinedError as error:
            now_is = provider.find(intent.id)
            refused = replace(now_is, state=State.DECLINED, reason=str(error))
            return refused if now_is.state in (State.OPEN, State.DECLINED) else now_is

    def settle(
        self, order: Authorisation, standing: Standing, said: Intent, now: datetime
    ) -> Settled:
        """Write the payment down as it stands at the provider."""
        last4 = standing.intent.last4 if standing.intent else ""
        if said.state is State.DECLINED:
            return _declined(order, now=now, why=said.reason, intent=said.id, last4=last4)
        payment = _payment(order, now=now, status=STATUS[said.state], intent=said.id, last4=last4)
        payment.captured = said.captured
        payment.save(force_insert=True)
        note(payment, PaymentEvent.Kind.AUTHORISED, order=order, now=now, amount=order.amount)
        return _known(order, payment)


def _cards_of(customers: set[str]) -> dict[str, PaymentMethod]:
    found = PaymentMethod.objects.filter(customer__in=customers, is_default=True)
    return {method.customer: method for method in found}


def _obstacle(order: Authorisation, cards: Mapping[str, PaymentMethod]) -> str:
    if order.amount <= 0:
        return "there is nothing to pay"
    return "" if order.customer in cards else NO_METHOD


def _opened(order: Authorisation, method: PaymentMethod) -> Intent | str:
    """Return the intent, or why the provider opens none."""
    wanted = Wanted(
        reference=order.reference,
        customer=order.customer,
        amount=order.amount,
        currency=order.currency,
        description=order.description,
        token=method.token,
        provider_customer=method.provider_customer,
    )
    try:
        return gateway.current().open(wanted, key=f"{order.key}/open")
    except DeclinedError as error:
        return str(error)


def _known(order: Authorisation, payment: Payment) -> Settled:
    """Return what came of an order whose payment is there."""
    is_other = (payment.customer, payment.amount) != (order.customer, order.amount)
    match payment.status:
        case Payment.Status.DECLINED:
            return Settled(payment=payment, declined=payment.reason)
        case Payment.Status.AUTHORISED | Payment.Status.CAPTURED:
            return Settled(payment=payment, declined=OTHER if is_other else "")
    return Settled(payment=payment, declined=CALLED_OFF)


def _declined(
    order: Authorisation, *, now: datetime, why: str, intent: str = "", last4: str = ""
) -> Settled:
    payment = _payment(order, now=now, status=Payment.Status.DECLINED, intent=intent, last4=last4)
    payment.reason = why
    payment.save(force_insert=True)
    note(payment, PaymentEvent.Kind.DECLINED, order=order, now=now, amount=order.amount, why=why)
    return Settled(payment=payment, declined=why)


def _payment(
    order: Authorisation, *, now: datetime, status: Payment.Status, intent: str, last4: str
) -> Payment:
    return Payment(
        reference=order.reference,
        customer=order.customer,
        amount=order.amount,
        currency=order.currency,
        status=status,
        provider_id=intent,
        last4=last4,
        created_at=now,
        updated_at=now,
    )
