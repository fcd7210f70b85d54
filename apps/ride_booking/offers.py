"""What a fleet answers to a request for quotes, read with care: it comes from outside.

Guarantee: an offer that is kept has an amount above zero in our currency, and nothing in it is
larger or of another kind than it may be.
Does not guarantee: that the fleet keeps its word.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

CENT = Decimal("0.01")
DEAREST = Decimal("1000000.00")
LONGEST_ID = 64
LARGEST_NUMBER = 1_000_000_000
VALID_FOR = timedelta(minutes=5)
AMOUNT = re.compile(r"[0-9]{1,10}(\.[0-9]{1,2})?")


class OfferError(ValueError):
    """A field of an answer is not to be believed; the text says why."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


@dataclass(frozen=True, kw_only=True)
class Offer:
    """A quote as it can be accepted. `unicorn` is empty where the fleet named none."""

    quote: Decimal
    currency: str
    unicorn: str
    expires_at: datetime

    @classmethod
    def of(cls, data: Mapping[str, Any], *, received_at: datetime) -> Offer:
        """Read an answer that `checked` let pass; without an expiry it is valid five minutes."""
        expires_at = data.get("expires_at")
        return cls(
            quote=Decimal(data["quote"]),
            currency=data["currency"],
            unicorn=data.get("unicorn", ""),
            expires_at=moment(expires_at) if expires_at else received_at + VALID_FOR,
        )


def checked(data: Mapping[str, Any], *, currency: str) -> dict[str, Any]:
    """Return what is kept of an answer: the fields that we know, in one form.

    Raises `OfferError`, saying which field is wrong.
    """
    if data.get("currency", currency) != currency:
        raise OfferError("currency", f"quotes are in {currency}")
    known = {name: _read(name, data[name]) for name in READERS if data.get(name) is not None}
    if "quote" not in known:
        raise OfferError("quote", "there is none")
    return {**known, "currency": currency}


def moment(text: str) -> datetime:
    """Read a time with its zone; raises `ValueError` for anything else."""
    read = datetime.fromisoformat(text)
    if read.tzinfo is None:
        raise ValueError("this has no time zone")
    return read.astimezone(UTC)


def _read(name: str, value: Any) -> Any:
    try:
        return READERS[name](value)
    except (TypeError, ValueError, ArithmeticError) as error:
        raise OfferError(name, str(error)) from None


def _quote(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise TypeError("this is no amount")
    if not AMOUNT.fullmatch(text := str(value)):
        raise ValueError("this is no amount such as 12.50")
    if not CENT <= (amount := Decimal(text)) <= DEAREST:
        raise ValueError(f"this is not between {CENT} and {DEAREST}")
    return f"{amount:.2f}"


def _id(value: Any) -> str:
    if not isinstance(value, str) or not value.isprintable():
        raise TypeError("this is no id")
    if len(value) > LONGEST_ID:
        raise ValueError(f"this is longer than {LONGEST_ID} characters")
    return value


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError("this is no number")
    if not 0 <= value <= LARGEST_NUMBER:
        raise ValueError("this is out of range")
    return value


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError("this is neither true nor false")
    return value


READERS: Mapping[str, Callable[[Any], Any]] = {
    "quote": _quote,
    "unicorn": _id,
    "distance_km": _number,
    "duration_s": _number,
    "estimated": _flag,
    "expires_at": lambda value: moment(value).isoformat(),
}
