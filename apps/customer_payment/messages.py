"""The published language of customer payment. Plain data: no framework, no model.

A payment is known by its `reference`, which is the caller's own. A command that is sent again under
the same subject is the same command: it takes effect once, also at the provider.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, ClassVar, Self


@dataclass(frozen=True, kw_only=True)
class OfPayment:
    """A command that says no more than which payment it is about."""

    reference: str

    def to_data(self) -> dict[str, Any]:
        """Return the JSON-ready object."""
        return {"reference": self.reference}

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_data` wrote; raises `KeyError` for a field that is missing."""
        return cls(reference=data["reference"])


@dataclass(frozen=True, kw_only=True)
class AuthorisePayment:
    """Have the customer's card hold the amount."""

    TYPE: ClassVar[str] = "v1.payment.authorise"

    reference: str
    customer: str
    amount: Decimal
    currency: str
    description: str

    def to_data(self) -> dict[str, Any]:
        """Return the JSON-ready object; the amount is written as it is shown to people."""
        return {
            "reference": self.reference,
            "customer": self.customer,
            "amount": f"{self.amount:.2f}",
            "currency": self.currency,
            "description": self.description,
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_data` wrote; raises `KeyError` or `ValueError` for what is not that."""
        return cls(
            reference=data["reference"],
            customer=data["customer"],
            amount=_money(data["amount"]),
            currency=data["currency"],
            description=data["description"],
        )


@dataclass(frozen=True, kw_only=True)
class CapturePayment(OfPayment):
    """Take what the card holds."""

    TYPE: ClassVar[str] = "v1.payment.capture"


@dataclass(frozen=True, kw_only=True)
class ReleasePayment(OfPayment):
    """Let go of what the card holds, if it holds anything; a late authorisation is refused."""

    TYPE: ClassVar[str] = "v1.payment.release"


@dataclass(frozen=True, kw_only=True)
class RefundPayment:
    """Give money back; without an amount all that was taken, or what the card still holds."""

    TYPE: ClassVar[str] = "v1.payment.refund"

    reference: str
    amount: Decimal | None = None

    def to_data(self) -> dict[str, Any]:
        """Return the JSON-ready object."""
        amount = None if self.amount is None else f"{self.amount:.2f}"
        return {"reference": self.reference, "amount": amount}

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_data` wrote; raises `KeyError` or `ValueError` for what is not that."""
        amount = data["amount"]
        return cls(reference=data["reference"], amount=None if amount is None else _money(amount))


def _money(text: str) -> Decimal:
    """Return an amount; raises `ValueError` for what is none."""
    try:
        amount = Decimal(text)
    except ArithmeticError as error:
        raise ValueError(f"not an amount: {text!r}") from error
    if not amount.is_finite() or amount != round(amount, 2):
        raise ValueError(f"not an amount: {text!r}")
    return amount
