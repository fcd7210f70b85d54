"""Amounts as the provider counts them: whole numbers of a currency's smallest unit."""

from __future__ import annotations

from decimal import Decimal

CENT = Decimal("0.01")
WITHOUT_DECIMALS = frozenset(
    (
        *("bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga"),
        *("pyg", "rwf", "ugx", "vnd", "vuv", "xaf", "xof", "xpf"),
    )
)
WITH_THREE_DECIMALS = frozenset(("bhd", "jod", "kwd", "omr", "tnd"))


def to_units(amount: Decimal, *, currency: str) -> int:
    """Return the amount in smallest units; raises `ValueError` where that is not exact."""
    units = amount * _units_in_one(currency)
    if units != int(units):
        raise ValueError(f"{amount} {currency} is not a whole number of units")
    return int(units)


def from_units(units: int, *, currency: str) -> Decimal:
    """Return the amount with two decimals."""
    return (Decimal(units) / _units_in_one(currency)).quantize(CENT)


def _units_in_one(currency: str) -> int:
    if currency.lower() in WITHOUT_DECIMALS:
        return 1
    return 1000 if currency.lower() in WITH_THREE_DECIMALS else 100
