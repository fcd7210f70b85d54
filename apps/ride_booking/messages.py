"""The published language of ride booking. Plain data: no framework, no model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar, Self
from uuid import UUID

CENT = Decimal("0.01")


@dataclass(frozen=True, kw_only=True)
class QuotesRequested:
    """A customer asks every fleet what a ride would cost. `rfq` is the request for quotes."""

    TYPE: ClassVar[str] = "v1.ride-quotes.requested"

    rfq: UUID
    origin: str
    destination: str
    customer: str
    requested_at: datetime
    deadline_at: datetime

    def to_data(self) -> dict[str, Any]:
        """Return the JSON-ready object."""
        return {
            "rfq": str(self.rfq),
            "from": self.origin,
            "to": self.destination,
            "customer": self.customer,
            "requested_at": self.requested_at.isoformat(),
            "deadline_at": self.deadline_at.isoformat(),
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_data` wrote; raises `KeyError` or `ValueError` for what is not that."""
        return cls(
            rfq=UUID(data["rfq"]),
            origin=data["from"],
            destination=data["to"],
            customer=data["customer"],
            requested_at=datetime.fromisoformat(data["requested_at"]),
            deadline_at=datetime.fromisoformat(data["deadline_at"]),
        )


@dataclass(frozen=True, kw_only=True)
class GatheredQuote:
    """What one fleet would take for the ride."""

    responder: str
    quote: Decimal
    currency: str

    def to_data(self) -> dict[str, Any]:
        """Return the JSON-ready object; the quote is a number, so that filters can compare it."""
        return {
            "responder": self.responder,
            "quote": _number(self.quote),
            "currency": self.currency,
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_data` wrote."""
        return cls(
            responder=data["responder"], quote=_money(data["quote"]), currency=data["currency"]
        )


@dataclass(frozen=True, kw_only=True)
class QuotesGathered:
    """A request for quotes is closed: these came in time, cheapest first; perhaps none."""

    TYPE: ClassVar[str] = "v1.ride-quotes.gathered"

    rfq: UUID
    origin: str
    destination: str
    customer: str
    closed_because: str
    quotes: tuple[GatheredQuote, ...]

    def to_data(self) -> dict[str, Any]:
        """Return the JSON-ready object."""
        return {
            "rfq": str(self.rfq),
            "from": self.origin,
            "to": self.destination,
            "customer": self.customer,
            "closed_because": self.closed_because,
            "quotes": [quote.to_data() for quote in self.quotes],
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_data` wrote; raises `KeyError` or `ValueError` for what is not that."""
        return cls(
            rfq=UUID(data["rfq"]),
            origin=data["from"],
            destination=data["to"],
            customer=data["customer"],
            closed_because=data["closed_because"],
            quotes=tuple(GatheredQuote.from_data(quote) for quote in data["quotes"]),
        )


@dataclass(frozen=True, kw_only=True)
class RideBooked:
    """A customer accepted a fleet's quote. `unicorn` is empty where the fleet named none."""

    TYPE: ClassVar[str] = "v1.ride.booked"

    ride: UUID
    rfq: UUID
    customer: str
    fleet: str
    unicorn: str
    origin: str
    destination: str
    price: Decimal
    currency: str
    booked_at: datetime

    def to_data(self) -> dict[str, Any]:
        """Return the JSON-ready object; the price is a number, so that filters can compare it."""
        return {
            "ride": str(self.ride),
            "rfq": str(self.rfq),
            "customer": self.customer,
            "fleet": self.fleet,
            "unicorn": self.unicorn,
            "from": self.origin,
            "to": self.destination,
            "price": _number(self.price),
            "currency": self.currency,
            "booked_at": self.booked_at.isoformat(),
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_data` wrote; raises `KeyError` or `ValueError` for what is not that."""
        return cls(
            ride=UUID(data["ride"]),
            rfq=UUID(data["rfq"]),
            customer=data["customer"],
            fleet=data["fleet"],
            unicorn=data["unicorn"],
            origin=data["from"],
            destination=data["to"],
            price=_money(data["price"]),
            currency=data["currency"],
            booked_at=datetime.fromisoformat(data["booked_at"]),
        )


@dataclass(frozen=True, kw_only=True)
class RideStarted:
    """The customer is on the way."""

    TYPE: ClassVar[str] = "v1.ride.started"

    ride: UUID
    customer: str
    fleet: str
    unicorn: str
    started_at: datetime

    def to_data(self) -> dict[str, Any]:
        """Return the JSON-ready object."""
        return {
            "ride": str(self.ride),
            "customer": self.customer,
            "fleet": self.fleet,
            "unicorn": self.unicorn,
            "started_at": self.started_at.isoformat(),
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_data` wrote; raises `KeyError` or `ValueError` for what is not that."""
        return cls(
            ride=UUID(data["ride"]),
            customer=data["customer"],
            fleet=data["fleet"],
            unicorn=data["unicorn"],
            started_at=datetime.fromisoformat(data["started_at"]),
        )


@dataclass(frozen=True, kw_only=True)
class RideCancelled:
    """A booked ride will not take place. `fee` is what the customer owes for that, perhaps zero.

    `cancelled_by` is a role: customer, unicorn or staff.
    """

    TYPE: ClassVar[str] = "v1.ride.cancelled"

    ride: UUID
    customer: str
    fleet: str
    unicorn: str
    origin: str
    destination: str
    fee: Decimal
    currency: str
    cancelled_by: str
    cancelled_at: datetime

    def to_data(self) -> dict[str, Any]:
        """Return the JSON-ready object; the fee is a number, so that filters can compare it."""
        return {
            "ride": str(self.ride),
            "customer": self.customer,
            "fleet": self.fleet,
            "unicorn": self.unicorn,
            "from": self.origin,
            "to": self.destination,
            "fee": _number(self.fee),
            "currency": self.currency,
            "cancelled_by": self.cancelled_by,
            "cancelled_at": self.cancelled_at.isoformat(),
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_data` wrote; raises `KeyError` or `ValueError` for what is not that."""
        return cls(
            ride=UUID(data["ride"]),
            customer=data["customer"],
            fleet=data["fleet"],
            unicorn=data["unicorn"],
            origin=data["from"],
            destination=data["to"],
            fee=_money(data["fee"]),
            currency=data["currency"],
            cancelled_by=data["cancelled_by"],
            cancelled_at=datetime.fromisoformat(data["cancelled_at"]),
        )


@dataclass(frozen=True, kw_only=True)
class RideFinished:
    """A booked ride was completed; its unicorn is free again."""

    TYPE: ClassVar[str] = "v1.ride.finished"

    ride: UUID
    ride_completion: UUID
    customer: str
    fleet: str
    unicorn: str
    fare: Decimal
    currency: str
    finished_at: datetime

    def to_data(self) -> dict[str, Any]:
        """Return the JSON-ready object; the fare is a number, so that filters can compare it."""
        return {
            "ride": str(self.ride),
            "ride_completion": str(self.ride_completion),
            "customer": self.customer,
            "fleet": self.fleet,
            "unicorn": self.unicorn,
            "fare": _number(self.fare),
            "currency": self.currency,
            "finished_at": self.finished_at.isoformat(),
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_data` wrote; raises `KeyError` or `ValueError` for what is not that."""
        return cls(
            ride=UUID(data["ride"]),
            ride_completion=UUID(data["ride_completion"]),
            customer=data["customer"],
            fleet=data["fleet"],
            unicorn=data["unicorn"],
            fare=_money(data["fare"]),
            currency=data["currency"],
            finished_at=datetime.fromisoformat(data["finished_at"]),
        )


@dataclass(frozen=True, kw_only=True)
class RequestInstantRide:
    """Ask the fleets for a prebooked ride that is due, and book the best of what they offer.

    The customer pays no more than `price_limit`, if there is one, after the discount.
    """

    TYPE: ClassVar[str] = "v1.instant-ride.request"

    prebooking: UUID
    customer: str
    origin: str
    destination: str
    price_limit: Decimal | None
    discount_percent: int

    def to_data(self) -> dict[str, Any]:
        """Return the JSON-ready object; the limit is a number, so that filters can compare it."""
        return {
            "prebooking": str(self.prebooking),
            "customer": self.customer,
            "from": self.origin,
            "to": self.destination,
            "price_limit": None if self.price_limit is None else _number(self.price_limit),
            "discount_percent": self.discount_percent,
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_data` wrote; raises `KeyError` or `ValueError` for what is not that."""
        limit = data["price_limit"]
        return cls(
            prebooking=UUID(data["prebooking"]),
            customer=data["customer"],
            origin=data["from"],
            destination=data["to"],
            price_limit=None if limit is None else _money(limit),
            discount_percent=data["discount_percent"],
        )


@dataclass(frozen=True, kw_only=True)
class BookPrebookedRide:
    """Book the best quote of a request that was made for a prebooking, now that it is closed."""

    TYPE: ClassVar[str] = "v1.prebooked-ride.book"

    rfq: UUID

    def to_data(self) -> dict[str, Any]:
        """Return the JSON-ready object."""
        return {"rfq": str(self.rfq)}

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_data` wrote; raises `KeyError` or `ValueError` for what is not that."""
        return cls(rfq=UUID(data["rfq"]))


@dataclass(frozen=True, kw_only=True)
class PrebookedRideBooked:
    """A ride was booked for a prebooking that was due."""

    TYPE: ClassVar[str] = "v1.prebooked-ride.booked"

    prebooking: UUID
    rfq: UUID
    ride: UUID

    def to_data(self) -> dict[str, Any]:
        """Return the JSON-ready object."""
        return {"prebooking": str(self.prebooking), "rfq": str(self.rfq), "ride": str(self.ride)}

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_data` wrote; raises `KeyError` or `ValueError` for what is not that."""
        return cls(
            prebooking=UUID(data["prebooking"]), rfq=UUID(data["rfq"]), ride=UUID(data["ride"])
        )


@dataclass(frozen=True, kw_only=True)
class PrebookedRideMissed:
    """No unicorn was found for a prebooking that was due."""

    TYPE: ClassVar[str] = "v1.prebooked-ride.missed"

    prebooking: UUID
    rfq: UUID

    def to_data(self) -> dict[str, Any]:
        """Return the JSON-ready object."""
        return {"prebooking": str(self.prebooking), "rfq": str(self.rfq)}

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_data` wrote; raises `KeyError` or `ValueError` for what is not that."""
        return cls(prebooking=UUID(data["prebooking"]), rfq=UUID(data["rfq"]))


def _number(amount: Decimal) -> float:
    """A float holds any amount below ten thousand million exactly to the cent."""
    value = float(amount)
    return int(value) if value.is_integer() else value


def _money(number: float) -> Decimal:
    return Decimal(str(number)).quantize(CENT)
