"""Who may do what with a ride, when, and what that costs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from apps.ride_booking import rules
from apps.ride_booking.rules import Cancellation, State

BOOKED_AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def terms(
    *, state: State = State.BOOKED, role: str = "customer", price: str = "50.00", after: float = 0
) -> Cancellation:
    return rules.cancellation(
        state=state,
        role=role,
        price=Decimal(price),
        booked_at=BOOKED_AT,
        now=BOOKED_AT + timedelta(seconds=after),
    )


@pytest.mark.parametrize(
    ("after", "fee"), [(0, "0.00"), (119.999, "0.00"), (120, "10.00"), (86_400, "10.00")]
)
def test_a_customer_cancels_free_for_two_minutes_and_then_for_a_fifth(
    after: float, fee: str
) -> None:
    found = terms(after=after)

    assert (found.allowed, str(found.fee)) == (True, fee)
    assert found.free_until == BOOKED_AT + timedelta(minutes=2)


@pytest.mark.parametrize(("price", "fee"), [("0.01", "0.00"), ("0.03", "0.01"), ("99.99", "20.00")])
def test_a_fee_is_whole_cents(price: str, fee: str) -> None:
    assert str(terms(price=price, after=300).fee) == fee


@pytest.mark.parametrize("role", ["unicorn", "staff"])
def test_the_others_cancel_at_no_cost_to_the_customer(role: str) -> None:
    found = terms(role=role, after=3600)

    assert (found.allowed, str(found.fee)) == (True, "0.00")


@pytest.mark.parametrize(
    ("state", "who"),
    [
        (State.BOOKED, {"customer", "unicorn", "staff"}),
        (State.STARTED, {"staff"}),
        (State.COMPLETED, set()),
        (State.CANCELLED, set()),
    ],
)
def test_who_may_cancel_depends_on_the_state(state: State, who: set[str]) -> None:
    roles = ("customer", "unicorn", "staff", "somebody")

    assert {role for role in roles if terms(state=state, role=role).allowed} == who


@pytest.mark.parametrize("state", [state for state in State if state != State.BOOKED])
def test_only_a_booked_ride_can_be_started(state: State) -> None:
    assert not rules.may_start(state=state, role="staff")


@pytest.mark.parametrize(("role", "may"), [("customer", False), ("unicorn", True), ("staff", True)])
def test_unicorns_and_staff_start_a_ride(role: str, may: bool) -> None:
    assert rules.may_start(state=State.BOOKED, role=role) is may


def test_what_is_over_stays_as_it_is() -> None:
    over = (State.COMPLETED, State.CANCELLED)

    assert not any(rules.may_follow(state, following) for state in over for following in State)
    assert not rules.may_follow(State.STARTED, State.BOOKED)
