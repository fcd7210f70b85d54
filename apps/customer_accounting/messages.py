"""What customer accounting is told to do, and answers. Plain data: no framework, no model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, ClassVar, Self
from uuid import UUID

CENT = Decimal("0.01")


@dataclass(frozen=True, kw_only=True)
class OfEntry:
    """A command that says no more than which entry it is about."""

    reference: str

    def to_data(self) -> dict[str, Any]:
        """Return the JSON-ready object."""
        return {"reference": self.reference}

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_data` wrote; raises `KeyError` for a field that is missing."""
        return cls(reference=data["reference"])


@dataclass(frozen=True, kw_only=True)
class CreditPayment:
    """Enter that a customer has paid for a ride. `reference` is the payment's, one for each."""

    TYPE: ClassVar[str] = "v1.account.credit-payment"

    reference: str
    ride_completion: UUID
    customer: str
    amount: Decimal
    currency: str

    def to_data(self) -> dict[str, Any]:
        """Return the JSON-ready object; the amount is a string with two decimals."""
        return {
            "reference": self.reference,
            "ride_completion": str(self.ride_completion),
            "customer": self.customer,
            "amount": f"{self.amount:.2f}",
            "currency": self.currency,
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_data` wrote.

        Raises `KeyError` for a field that is missing, `ValueError` or `ArithmeticError` for one
        that is not what it should be.
        """
        return cls(
            reference=data["reference"],
            ride_completion=UUID(data["ride_completion"]),
            customer=data["customer"],
            amount=Decimal(data["amount"]).quantize(CENT),
            currency=data["currency"],
        )


@dataclass(frozen=True, kw_only=True)
class ReverseCredit(OfEntry):
    """Take back what `CreditPayment` with this reference entered, or will want to enter."""

    TYPE: ClassVar[str] = "v1.account.reverse-credit"


@dataclass(frozen=True, kw_only=True)
class RecordRefund:
    """Enter that a part of a payment, or all of it, is given back. `of` is the payment's
    reference, `reference` the refund's own."""

    TYPE: ClassVar[str] = "v1.account.record-refund"

    reference: str
    of: str
    customer: str
    amount: Decimal
    currency: str

    def to_data(self) -> dict[str, Any]:
        """Return the JSON-ready object; the amount is a string with two decimals."""
        return {
            "reference": self.reference,
            "of": self.of,
            "customer": self.customer,
            "amount": f"{self.amount:.2f}",
            "currency": self.currency,
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_data` wrote; raises as that of `CreditPayment` does."""
        return cls(
            reference=data["reference"],
            of=data["of"],
            customer=data["customer"],
            amount=Decimal(data["amount"]).quantize(CENT),
            currency=data["currency"],
        )


@dataclass(frozen=True, kw_only=True)
class ReverseRefund(OfEntry):
    """Take back what `RecordRefund` with this reference entered, or will want to enter."""

    TYPE: ClassVar[str] = "v1.account.reverse-refund"
