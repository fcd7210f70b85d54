"""One way for all orders: lock, see how it stands, ask the provider, write down what it said.

Everything but the asking is in the caller's transaction. An order whose outcome is not known fails
its batch, and so its transaction: it is asked again under the same key, and nothing was assumed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Protocol, TypeVar

from apps.customer_payment import gateway
from apps.customer_payment.gateway import Gateway
from apps.customer_payment.operations import asking, standing
from apps.customer_payment.operations.standing import Order, Settled, Standing

OrderT = TypeVar("OrderT", bound=Order)
SaidT = TypeVar("SaidT")
AnyOrder = TypeVar("AnyOrder", bound=Order, contravariant=True)

OVERTAKEN = "it was refused when it was asked for again"


class Procedure(Protocol[AnyOrder, SaidT]):
    """How one kind of order is carried out."""

    name: str

    def prepare(
        self, orders: Sequence[AnyOrder], standings: Mapping[str, Standing], now: datetime
    ) -> None:
        """Do what has to be done before any order can be settled."""

    def at_once(self, order: AnyOrder, standing: Standing, now: datetime) -> Settled | None:
        """Settle an order that the provider need not be asked about."""

    def ask(self, order: AnyOrder, standing: Standing, provider: Gateway) -> SaidT:
        """Ask the provider. Runs in a thread, and touches no database."""

    def settle(self, order: AnyOrder, standing: Standing, said: SaidT, now: datetime) -> Settled:
        """Write down what the provider said."""


def carry_out(
    procedure: Procedure[OrderT, SaidT], orders: Sequence[OrderT], *, now: datetime
) -> list[Settled]:
    """Carry out any number of orders; return what came of each, in order.

    Must be called inside a transaction. Raises `UnknownOutcomeError` when the provider did not
    answer one of them; then nothing may be kept of any.
    """
    settled: dict[int, Settled] = {}
    for together in _rounds(orders):
        settled |= _round(procedure, together, now=now)
    return [settled[number] for number in range(len(orders))]


def _rounds(orders: Sequence[OrderT]) -> Iterator[dict[int, OrderT]]:
    """Yield the orders so that none is beside another one of its own payment."""
    waiting = dict(enumerate(orders))
    while waiting:
        first = {order.reference: number for number, order in reversed(waiting.items())}
        yield {number: waiting.pop(number) for number in sorted(first.values())}


def _round(
    procedure: Procedure[OrderT, SaidT], orders: Mapping[int, OrderT], *, now: datetime
) -> dict[int, Settled]:
    standings = standing.locked(orders.values())
    procedure.prepare(list(orders.values()), standings, now)
    settled: dict[int, Settled] = {}
    questions = {}
    for number, order in orders.items():
        state = standings[order.reference]
        known = _too_late(order, state) or procedure.at_once(order, state, now)
        if known is not None:
            settled[number] = known
        else:
            question = partial(procedure.ask, order, state, gateway.current())
            questions[f"{procedure.name} {order.key}"] = number, question
    said = asking.ask_all({key: question for key, (_, question) in questions.items()})
    for key, (number, _) in questions.items():
        order = orders[number]
        settled[number] = procedure.settle(order, standings[order.reference], said[key], now)
    return settled


def _too_late(order: Order, state: Standing) -> Settled | None:
    """Decline what its sender has asked for again since, and was refused."""
    if not state.is_overtaken(order):
        return None
    return Settled(payment=state.payment, declined=OVERTAKEN)
