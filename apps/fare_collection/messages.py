"""The published language of fare collection. Plain data: no framework, no model.

Events tell what became of a fare. The commands are fare collection's to itself: what its sagas
want to be written down.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar, Self
from uuid import UUID

CENT = Decimal("0.01")


@dataclass(frozen=True, kw_only=True)
class Fare:
    """An amount of money that is about one ride of one customer.

    `ride` is the booked ride, if there was one.
    """

    ride_completion: UUID
    ride: str | None
    customer: str
    origin: str
    destination: str
    amount: Decimal
    currency: str

    def to_data(self) -> dict[str, Any]:
        """Return the JSON-ready object; the amount is a number, so that filters can compare it."""
        return {
            "ride_completion": str(self.ride_completion),
            "ride": self.ride,
            "customer": self.customer,
            "from": self.origin,
            "to": self.destination,
            "amount": _number(self.amount),
            "currency": self.currency,
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_data` wrote.

        Raises `KeyError` for a field that is missing, `ValueError` or `ArithmeticError` for one
        that is not what it should be.
        """
        return cls(**_fare(data), **cls._others(data))

    @classmethod
    def _others(cls, data: Mapping[str, Any]) -> dict[str, Any]:
        return {}


@dataclass(frozen=True, kw_only=True)
class CollectedFare(Fare):
    """A fare, and which collection of it this is about."""

    collection: UUID

    def to_data(self) -> dict[str, Any]:
        """Return the JSON-ready object."""
        return {"collection": str(self.collection), **super().to_data()}

    @classmethod
    def _others(cls, data: Mapping[str, Any]) -> dict[str, Any]:
        return {"collection": UUID(data["collection"])}


@dataclass(frozen=True, kw_only=True)
class FailedFare(CollectedFare):
    """A fare that could not be collected: at this step, for this reason. Nothing was kept of it.

    `given_back` says that something had been charged before, and was refunded.
    """

    step: str
    reason: str
    given_back: bool

    def to_data(self) -> dict[str, Any]:
        """Return the JSON-ready object."""
        return {
            **super().to_data(),
            "step": self.step,
            "reason": self.reason,
            "given_back": self.given_back,
        }

    @classmethod
    def _others(cls, data: Mapping[str, Any]) -> dict[str, Any]:
        names = ("step", "reason", "given_back")
        return {**super()._others(data), **{name: data[name] for name in names}}


@dataclass(frozen=True, kw_only=True)
class FareCollected(CollectedFare):
    """A fare was paid for. `card` shows the last four digits; a free ride has none."""

    TYPE: ClassVar[str] = "v1.fare.collected"

    card: str
    collected_at: datetime

    def to_data(self) -> dict[str, Any]:
        """Return the JSON-ready object."""
        return {
            **super().to_data(),
            "card": self.card,
            "collected_at": self.collected_at.isoformat(),
        }

    @classmethod
    def _others(cls, data: Mapping[str, Any]) -> dict[str, Any]:
        return {
            **super()._others(data),
            "card": data["card"],
            "collected_at": datetime.fromisoformat(data["collected_at"]),
        }


@dataclass(frozen=True, kw_only=True)
class FareFailed(FailedFare):
    """A fare could not be collected."""

    TYPE: ClassVar[str] = "v1.fare.failed"

    failed_at: datetime

    def to_data(self) -> dict[str, Any]:
        """Return the JSON-ready object."""
        return {**super().to_data(), "failed_at": self.failed_at.isoformat()}

    @classmethod
    def _others(cls, data: Mapping[str, Any]) -> dict[str, Any]:
        failed_at = datetime.fromisoformat(data["failed_at"])
        return {**super()._others(data), "failed_at": failed_at}


@dataclass(frozen=True, kw_only=True)
class FareRefunded(CollectedFare):
    """The amount was given back of a fare that had been collected; `reason` is the staff's."""

    TYPE: ClassVar[str] = "v1.fare.refunded"

    refund: UUID
    reason: str
    card: str
    refunded_at: datetime

    def to_data(self) -> dict[str, Any]:
        """Return the JSON-ready object."""
        return {
            **super().to_data(),
            "refund": str(self.refund),
            "reason": self.reason,
            "card": self.card,
            "refunded_at": self.refunded_at.isoformat(),
        }

    @classmethod
    def _others(cls, data: Mapping[str, Any]) -> dict[str, Any]:
        return {
            **super()._others(data),
            "refund": UUID(data["refund"]),
            "reason": data["reason"],
            "card": data["card"],
            "refunded_at": datetime.fromisoformat(data["refunded_at"]),
        }


@dataclass(frozen=True, kw_only=True)
class FareCollectionStuck(CollectedFare):
    """A collection or a refund waits for a person: at this step, for this reason."""

    TYPE: ClassVar[str] = "v1.fare-collection.stuck"

    saga: UUID
    step: str
    reason: str

    def to_data(self) -> dict[str, Any]:
        """Return the JSON-ready object."""
        return {
            **super().to_data(),
            "saga": str(self.saga),
            "step": self.step,
            "reason": self.reason,
        }

    @classmethod
    def _others(cls, data: Mapping[str, Any]) -> dict[str, Any]:
        return {
            **super()._others(data),
            "saga": UUID(data["saga"]),
            "step": data["step"],
            "reason": data["reason"],
        }


@dataclass(frozen=True, kw_only=True)
class RegisterFare(CollectedFare):
    """Write down that a fare is being collected."""

    TYPE: ClassVar[str] = "v1.fare.register"


@dataclass(frozen=True, kw_only=True)
class MarkCollected(CollectedFare):
    """Write down that a fare was collected, and tell so."""

    TYPE: ClassVar[str] = "v1.fare.mark-collected"

    card: str

    def to_data(self) -> dict[str, Any]:
        """Return the JSON-ready object."""
        return {**super().to_data(), "card": self.card}

    @classmethod
    def _others(cls, data: Mapping[str, Any]) -> dict[str, Any]:
        return {**super()._others(data), "card": data["card"]}


@dataclass(frozen=True, kw_only=True)
class MarkFailed(FailedFare):
    """Write down that a fare could not be collected, and tell so."""

    TYPE: ClassVar[str] = "v1.fare.mark-failed"


@dataclass(frozen=True, kw_only=True)
class OfRefund:
    """A command about one refund."""

    refund: UUID

    def to_data(self) -> dict[str, Any]:
        """Return the JSON-ready object."""
        return {"refund": str(self.refund)}

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_data` wrote; raises `KeyError` or `ValueError` for what is not that."""
        return cls(refund=UUID(data["refund"]))


@dataclass(frozen=True, kw_only=True)
class RegisterRefund(OfRefund):
    """Write down that a refund is under way."""

    TYPE: ClassVar[str] = "v1.fare.register-refund"


@dataclass(frozen=True, kw_only=True)
class MarkRefunded(OfRefund):
    """Write down that a refund was made, and tell so."""

    TYPE: ClassVar[str] = "v1.fare.mark-refunded"


@dataclass(frozen=True, kw_only=True)
class MarkRefundFailed(OfRefund):
    """Write down that a refund could not be made: at this step, for this reason."""

    TYPE: ClassVar[str] = "v1.fare.mark-refund-failed"

    step: str
    reason: str

    def to_data(self) -> dict[str, Any]:
        """Return the JSON-ready object."""
        return {**super().to_data(), "step": self.step, "reason": self.reason}

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_data` wrote; raises `KeyError` or `ValueError` for what is not that."""
        return cls(refund=UUID(data["refund"]), step=data["step"], reason=data["reason"])


def _fare(data: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "ride_completion": UUID(data["ride_completion"]),
        "ride": data["ride"],
        "customer": data["customer"],
        "origin": data["from"],
        "destination": data["to"],
        "amount": Decimal(str(data["amount"])).quantize(CENT),
        "currency": data["currency"],
    }


def _number(amount: Decimal) -> float:
    """A float holds any amount below ten thousand million exactly to the cent."""
    value = float(amount)
    return int(value) if value.is_integer() else value
