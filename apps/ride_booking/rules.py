"""Who may do what with a ride, when, and what cancelling it costs. No clock, no database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from apps.identity.messages import CUSTOMER, STAFF, UNICORN

CENT = Decimal("0.01")
FREE_FOR = timedelta(minutes=2)
FEE_SHARE = Decimal("0.20")


class State(StrEnum):
    """Where a ride stands."""

    BOOKED = "booked"
    STARTED = "started"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


MAY_FOLLOW = {
    State.BOOKED: frozenset({State.STARTED, State.COMPLETED, State.CANCELLED}),
    State.STARTED: frozenset({State.COMPLETED, State.CANCELLED}),
    State.COMPLETED: frozenset[State](),
    State.CANCELLED: frozenset[State](),
}
MAY_START = frozenset({UNICORN, STAFF})
MAY_CANCEL = {
    State.BOOKED: frozenset({CUSTOMER, UNICORN, STAFF}),
    State.STARTED: frozenset({STAFF}),
}


@dataclass(frozen=True, kw_only=True)
class Cancellation:
    """Whether someone may cancel a ride now, and what it would cost the customer.

    `free_until` is when a cancellation by the customer begins to cost something.
    """

    allowed: bool
    fee: Decimal
    free_until: datetime


def may_follow(state: State, following: State) -> bool:
    """Say whether a ride in one state may go on to the other."""
    return following in MAY_FOLLOW[state]


def may_start(*, state: State, role: str) -> bool:
    """Say whether someone of this role may start the ride: its unicorn or staff, once booked."""
    return state == State.BOOKED and role in MAY_START


def discounted(price: Decimal, *, percent: int) -> Decimal:
    """Return a price less a discount, to the cent; no ride is for less than one."""
    return max((price * (100 - percent) / 100).quantize(CENT), CENT)


def cancellation(
    *, state: State, role: str, price: Decimal, booked_at: datetime, now: datetime
) -> Cancellation:
    """Return what cancelling means for someone of this role.

    A customer cancels free of charge for two minutes from the booking, then for a fifth of the
    price, and no longer once the ride has started. Unicorn and staff cancel at no cost to the
    customer, staff also a ride that has started.
    """
    free_until = booked_at + FREE_FOR
    allowed = role in MAY_CANCEL.get(state, ())
    owed = allowed and role == CUSTOMER and now >= free_until
    fee = (price * FEE_SHARE).quantize(CENT) if owed else Decimal("0.00")
    return Cancellation(allowed=allowed, fee=fee, free_until=free_until)
