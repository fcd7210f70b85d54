"""The published language of unicorn management. Plain data: no framework, no model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar, Self
from uuid import UUID

CENT = Decimal("0.01")

# Each fleet has a queue and a subscription of its own, which `config/topology.py` makes of these.
FLEETS = (
    "cape-town",
    "winelands",
    "table-bay",
    "helderberg",
    "swartland",
    "overberg",
    "garden-route",
    "great-karoo",
    "west-coast",
    "moonlight",
)


@dataclass(frozen=True, kw_only=True)
class RideCompleted:
    """A ride was completed and is to be paid for.

    `duration` is in seconds, `distance` in kilometres. `ride` is the booked ride, if there was
    one; `fleet` is empty when a member of staff submitted it.
    """

    TYPE: ClassVar[str] = "v1.ride.completed"

    ride_completion: UUID
    ride: str | None
    origin: str
    destination: str
    duration: float
    distance: float
    customer: str
    fare: Decimal
    currency: str
    fleet: str
    completed_at: datetime

    def to_data(self) -> dict[str, Any]:
        """Return the JSON-ready object. The fare is a number, so that filters can compare it;
        a float holds any amount below ten thousand million exactly to the cent."""
        return {
            "ride_completion": str(self.ride_completion),
            "ride": self.ride,
            "from": self.origin,
            "to": self.destination,
            "duration": _number(self.duration),
            "distance": _number(self.distance),
            "customer": self.customer,
            "fare": _number(float(self.fare)),
            "currency": self.currency,
            "fleet": self.fleet,
            "completed_at": self.completed_at.isoformat(),
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_data` wrote.

        Raises `KeyError` for a field that is missing, `ValueError` or `ArithmeticError` for one
        that is not what it should be.
        """
        return cls(
            ride_completion=UUID(data["ride_completion"]),
            ride=data["ride"],
            origin=data["from"],
            destination=data["to"],
            duration=float(data["duration"]),
            distance=float(data["distance"]),
            customer=data["customer"],
            fare=Decimal(str(data["fare"])).quantize(CENT),
            currency=data["currency"],
            fleet=data["fleet"],
            completed_at=datetime.fromisoformat(data["completed_at"]),
        )


@dataclass(frozen=True, kw_only=True)
class Quote:
    """What a fleet's answer says: for how much, and which unicorn would come.

    `estimated` says that a place is not known to the fleet, and the distance a guess.
    """

    quote: Decimal
    currency: str
    unicorn: str
    distance_km: float
    duration_s: float
    estimated: bool
    expires_at: datetime

    def to_data(self) -> dict[str, Any]:
        """Return the JSON-ready object; the quote is a string with two decimals."""
        return {
            "quote": f"{self.quote:.2f}",
            "currency": self.currency,
            "unicorn": self.unicorn,
            "distance_km": _number(self.distance_km),
            "duration_s": _number(self.duration_s),
            "estimated": self.estimated,
            "expires_at": self.expires_at.isoformat(),
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_data` wrote; raises as that of `RideCompleted` does."""
        return cls(
            quote=Decimal(data["quote"]).quantize(CENT),
            currency=data["currency"],
            unicorn=data["unicorn"],
            distance_km=float(data["distance_km"]),
            duration_s=float(data["duration_s"]),
            estimated=data["estimated"],
            expires_at=datetime.fromisoformat(data["expires_at"]),
        )


@dataclass(frozen=True, kw_only=True)
class GiveQuote:
    """Answer a request for quotes now, on behalf of a fleet that takes its time.

    `request` is the whole message that asked, as it travelled: the answer goes back to it.
    """

    TYPE: ClassVar[str] = "v1.quote.give"

    fleet: str
    request: Mapping[str, Any]

    def to_data(self) -> dict[str, Any]:
        """Return the JSON-ready object."""
        return {"fleet": self.fleet, "request": dict(self.request)}

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_data` wrote; raises `KeyError` for a field that is missing."""
        return cls(fleet=data["fleet"], request=data["request"])


def _number(value: float) -> float:
    return int(value) if value.is_integer() else value
