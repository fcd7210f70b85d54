"""The published language of ride prebooking. Plain data: no framework, no model.

The commands are ride prebooking's to itself: what was accepted and is to be stored, and what is
due. The events tell what became of it.
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
class PrebookedRide:
    """A ride that a customer wants at that time, for no more than `price_limit` if there is one."""

    prebooking: UUID
    customer: str
    origin: str
    destination: str
    ride_at: datetime
    campaign: str
    price_limit: Decimal | None

    def to_data(self) -> dict[str, Any]:
        """Return the JSON-ready object; amounts are numbers, so that filters can compare them."""
        return {
            "prebooking": str(self.prebooking),
            "customer": self.customer,
            "from": self.origin,
            "to": self.destination,
            "when": self.ride_at.isoformat(),
            "campaign": self.campaign,
            "price_limit": None if self.price_limit is None else _number(self.price_limit),
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_data` wrote.

        Raises `KeyError` for a field that is missing, `ValueError` or `ArithmeticError` for one
        that is not what it should be.
        """
        return cls(**_ride(data), **cls._others(data))

    @classmethod
    def _others(cls, data: Mapping[str, Any]) -> dict[str, Any]:
        return {}


@dataclass(frozen=True, kw_only=True)
class SubmitPrebooking(PrebookedRide):
    """Store a prebooking that was accepted, if the rules allow it. Its id is the prebooking's."""

    TYPE: ClassVar[str] = "v1.ride-prebooking.submit"


@dataclass(frozen=True, kw_only=True)
class PrebookingSubmitted(PrebookedRide):
    """A prebooking is stored and waits to be confirmed."""

    TYPE: ClassVar[str] = "v1.ride-prebooking.submitted"

    accepted_at: datetime

    def to_data(self) -> dict[str, Any]:
        """Return the JSON-ready object."""
        return {**super().to_data(), "accepted_at": self.accepted_at.isoformat()}

    @classmethod
    def _others(cls, data: Mapping[str, Any]) -> dict[str, Any]:
        return {"accepted_at": datetime.fromisoformat(data["accepted_at"])}


@dataclass(frozen=True, kw_only=True)
class RidePrebooked(PrebookedRide):
    """A prebooking is confirmed: a unicorn will be looked for from `due_at` on.

    `discount_percent` is the campaign's, 0 without one.
    """

    TYPE: ClassVar[str] = "v1.ride.prebooked"

    discount_percent: int
    due_at: datetime
    confirmed_at: datetime

    def to_data(self) -> dict[str, Any]:
        """Return the JSON-ready object."""
        return {
            **super().to_data(),
            "discount_percent": self.discount_percent,
            "due_at": self.due_at.isoformat(),
            "confirmed_at": self.confirmed_at.isoformat(),
        }

    @classmethod
    def _others(cls, data: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "discount_percent": data["discount_percent"],
            "due_at": datetime.fromisoformat(data["due_at"]),
            "confirmed_at": datetime.fromisoformat(data["confirmed_at"]),
        }


@dataclass(frozen=True, kw_only=True)
class MissedRide(PrebookedRide):
    """A ride that is not to be; `reason` is for programs, `explanation` says it in words."""

    reason: str
    explanation: str

    def to_data(self) -> dict[str, Any]:
        """Return the JSON-ready object."""
        return {
            **super().to_data(),
            "reason": self.reason,
            "explanation": self.explanation,
        }

    @classmethod
    def _others(cls, data: Mapping[str, Any]) -> dict[str, Any]:
        return {"reason": data["reason"], "explanation": data["explanation"]}


@dataclass(frozen=True, kw_only=True)
class PrebookingRejected(MissedRide):
    """A prebooking is not to be had."""

    TYPE: ClassVar[str] = "v1.ride-prebooking.rejected"

    rejected_at: datetime

    def to_data(self) -> dict[str, Any]:
        """Return the JSON-ready object."""
        return {**super().to_data(), "rejected_at": self.rejected_at.isoformat()}

    @classmethod
    def _others(cls, data: Mapping[str, Any]) -> dict[str, Any]:
        moment = datetime.fromisoformat(data["rejected_at"])
        return {**super()._others(data), "rejected_at": moment}


@dataclass(frozen=True, kw_only=True)
class DispatchPrebooking:
    """Look for a unicorn: the ride is due. Sent when a prebooking is confirmed, not before then."""

    TYPE: ClassVar[str] = "v1.ride-prebooking.dispatch"

    prebooking: UUID

    def to_data(self) -> dict[str, Any]:
        """Return the JSON-ready object."""
        return {"prebooking": str(self.prebooking)}

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_data` wrote; raises `KeyError` or `ValueError` for what is not that."""
        return cls(prebooking=UUID(data["prebooking"]))


@dataclass(frozen=True, kw_only=True)
class PrebookingCancelled(PrebookedRide):
    """A prebooking is off, free of charge; its place in a campaign is to be had again.

    `cancelled_by` is a role: customer or staff.
    """

    TYPE: ClassVar[str] = "v1.ride-prebooking.cancelled"

    cancelled_by: str
    cancelled_at: datetime

    def to_data(self) -> dict[str, Any]:
        """Return the JSON-ready object."""
        return {
            **super().to_data(),
            "cancelled_by": self.cancelled_by,
            "cancelled_at": self.cancelled_at.isoformat(),
        }

    @classmethod
    def _others(cls, data: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "cancelled_by": data["cancelled_by"],
            "cancelled_at": datetime.fromisoformat(data["cancelled_at"]),
        }


@dataclass(frozen=True, kw_only=True)
class PrebookingDispatched(PrebookedRide):
    """A prebooked ride was due, and is booked as `ride`."""

    TYPE: ClassVar[str] = "v1.ride-prebooking.dispatched"

    rfq: UUID
    ride: UUID
    dispatched_at: datetime

    def to_data(self) -> dict[str, Any]:
        """Return the JSON-ready object."""
        return {
            **super().to_data(),
            "rfq": str(self.rfq),
            "ride": str(self.ride),
            "dispatched_at": self.dispatched_at.isoformat(),
        }

    @classmethod
    def _others(cls, data: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "rfq": UUID(data["rfq"]),
            "ride": UUID(data["ride"]),
            "dispatched_at": datetime.fromisoformat(data["dispatched_at"]),
        }


@dataclass(frozen=True, kw_only=True)
class PrebookingUnfulfilled(MissedRide):
    """A prebooked ride was due, and no unicorn was found for it."""

    TYPE: ClassVar[str] = "v1.ride-prebooking.unfulfilled"

    unfulfilled_at: datetime

    def to_data(self) -> dict[str, Any]:
        """Return the JSON-ready object."""
        return {**super().to_data(), "unfulfilled_at": self.unfulfilled_at.isoformat()}

    @classmethod
    def _others(cls, data: Mapping[str, Any]) -> dict[str, Any]:
        moment = datetime.fromisoformat(data["unfulfilled_at"])
        return {**super()._others(data), "unfulfilled_at": moment}


def _ride(data: Mapping[str, Any]) -> dict[str, Any]:
    limit = data["price_limit"]
    return {
        "prebooking": UUID(data["prebooking"]),
        "customer": data["customer"],
        "origin": data["from"],
        "destination": data["to"],
        "ride_at": datetime.fromisoformat(data["when"]),
        "campaign": data["campaign"],
        "price_limit": None if limit is None else Decimal(str(limit)).quantize(CENT),
    }


def _number(amount: Decimal) -> float:
    """A float holds any amount below ten thousand million exactly to the cent."""
    value = float(amount)
    return int(value) if value.is_integer() else value
