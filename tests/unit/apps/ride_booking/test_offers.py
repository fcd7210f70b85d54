"""A fleet may answer what it likes; only what can be believed is kept."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from apps.ride_booking import offers
from apps.ride_booking.offers import Offer

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

QUOTE: dict[str, Any] = {
    "quote": "12.50",
    "currency": "EUR",
    "unicorn": "rarity",
    "distance_km": 600,
    "duration_s": 420.5,
    "estimated": False,
    "expires_at": "2026-03-01T12:05:00+00:00",
}


def test_a_whole_quote_is_kept_as_it_is() -> None:
    assert offers.checked(QUOTE, currency="EUR") == QUOTE


def test_what_is_kept_is_believed_again() -> None:
    kept = offers.checked({"quote": 7}, currency="EUR")

    assert kept == {"quote": "7.00", "currency": "EUR"}
    assert offers.checked(kept, currency="EUR") == kept


def test_what_we_do_not_know_is_not_kept() -> None:
    assert "surprise" not in offers.checked({**QUOTE, "surprise": "x" * 10_000}, currency="EUR")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("quote", "-1.00"),
        ("quote", "0.00"),
        ("quote", "12.505"),
        ("quote", "1000000.01"),
        ("quote", "1e3"),
        ("quote", "NaN"),
        ("quote", float("inf")),
        ("quote", 10**400),
        ("quote", True),
        ("quote", None),
        ("quote", ["12.50"]),
        ("quote", "٣"),
        ("currency", "USD"),
        ("unicorn", "x" * 65),
        ("unicorn", "a\nb"),
        ("unicorn", 7),
        ("distance_km", -1),
        ("distance_km", float("nan")),
        ("distance_km", "600"),
        ("duration_s", 10**12),
        ("estimated", "yes"),
        ("expires_at", "2026-03-01T12:05:00"),
        ("expires_at", "soon"),
        ("expires_at", 7),
        ("expires_at", "0001-01-01T00:00:00+23:59"),
    ],
)
def test_what_cannot_be_believed_is_refused_by_name(field: str, value: object) -> None:
    with pytest.raises(ValueError, match=f"^{field}: "):
        offers.checked({**QUOTE, field: value}, currency="EUR")


def test_an_offer_says_until_when_it_is_valid() -> None:
    offer = Offer.of(QUOTE, received_at=NOON)

    assert (str(offer.quote), offer.unicorn) == ("12.50", "rarity")
    assert offer.expires_at == datetime(2026, 3, 1, 12, 5, tzinfo=UTC)


def test_an_offer_without_an_expiry_is_valid_five_minutes() -> None:
    offer = Offer.of({"quote": "12.50", "currency": "EUR"}, received_at=NOON)

    assert offer.expires_at == NOON + offers.VALID_FOR
    assert offer.unicorn == ""
