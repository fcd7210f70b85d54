from __future__ import annotations

from decimal import Decimal

import pytest

from apps.customer_payment.gateway import amounts


@pytest.mark.parametrize(
    ("amount", "currency", "units"),
    [("0.01", "EUR", 1), ("256.50", "eur", 25650), ("9999999999.99", "EUR", 999999999999)],
)
def test_an_amount_is_counted_in_cents_and_read_back(
    amount: str, currency: str, units: int
) -> None:
    assert amounts.to_units(Decimal(amount), currency=currency) == units
    assert amounts.from_units(units, currency=currency) == Decimal(amount)


def test_a_currency_without_decimals_has_none() -> None:
    assert amounts.to_units(Decimal("500.00"), currency="JPY") == 500
    assert str(amounts.from_units(500, currency="jpy")) == "500.00"


def test_a_currency_with_three_decimals_is_counted_in_thousandths() -> None:
    assert amounts.to_units(Decimal("5.12"), currency="KWD") == 5120
    assert str(amounts.from_units(5120, currency="kwd")) == "5.12"


@pytest.mark.parametrize(("amount", "currency"), [("0.001", "EUR"), ("0.50", "JPY")])
def test_what_cannot_be_paid_exactly_is_refused(amount: str, currency: str) -> None:
    with pytest.raises(ValueError, match="not a whole number of units"):
        amounts.to_units(Decimal(amount), currency=currency)
