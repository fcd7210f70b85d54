"""A statement shows what was owed after each ride, and what is owed now."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from apps.customer_accounting import queries
from apps.customer_accounting.subscriptions import record_fare
from wildrydes.envelope import Envelope

pytestmark = pytest.mark.django_db

Make = Callable[..., Envelope]


@pytest.fixture
def three_rides(ride_completed: Make) -> None:
    """Enter three fares of `cmr`, 10, 20 and 30 euros, and one of someone else."""
    for fare in (10, 20, 30):
        record_fare([ride_completed(fare=fare), ride_completed(customer="other", fare=99)])


@pytest.mark.usefixtures("three_rides")
def test_the_newest_comes_first_with_the_balance_after_it() -> None:
    page = queries.statement(customer="cmr", currency="EUR", limit=50)

    assert [(line.amount, line.balance) for line in page.lines] == [
        (Decimal("30.00"), Decimal("60.00")),
        (Decimal("20.00"), Decimal("30.00")),
        (Decimal("10.00"), Decimal("10.00")),
    ]
    assert page.balance == Decimal("60.00")
    assert not page.has_more


@pytest.mark.usefixtures("three_rides")
def test_the_pages_of_a_statement_make_up_the_whole() -> None:
    first = queries.statement(customer="cmr", currency="EUR", limit=2)
    second = queries.statement(
        customer="cmr", currency="EUR", limit=2, before=first.continues_after
    )

    whole = queries.statement(customer="cmr", currency="EUR", limit=50)
    assert first.lines + second.lines == whole.lines
    assert (first.has_more, second.has_more) == (True, False)
    assert second.balance == Decimal("60.00")


def test_who_has_not_ridden_owes_nothing() -> None:
    page = queries.statement(customer="nobody", currency="EUR", limit=50)

    assert page.balance == Decimal("0.00")
    assert page.lines == ()
