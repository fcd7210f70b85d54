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


def to_units(amount: Decimal, *, currency: str) -> int:
    """Return the amount in smallest units; raises `ValueError` where that is not exact."""
    units = amount if currency.lower() in WITHOUT_DECIMALS else amount * 100
    if units != int(units):
        raise ValueError(f"{amount} {currency} is not a whole number of units")
    return int(units)


def from_units(units: int, *, currency: str) -> Decimal:
    """Return the amount with two decimals."""
    amount = Decimal(units)
    return (amount if currency.lower() in WITHOUT_DECIMALS else amount / 100).quantize(CENT)
