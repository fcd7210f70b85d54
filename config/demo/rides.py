"""The rides of the demonstration, and which services each must reach."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

EVERYBODY = frozenset(
    {
        "customer_notification",
        "customer_accounting",
        "customer_loyalty",
        "datalake_ingestion",
        "fare_collection",
    }
)
EXTRAORDINARY = "extraordinary_rides"
BOOKING = "ride_booking"
CUSTOMER = "cmr"


@dataclass(frozen=True)
class Ride:
    """A completed ride as a unicorn reports it; `booked` is the booked ride, if it was one."""

    origin: str
    destination: str
    duration_s: int
    distance_km: int
    fare: Decimal
    services: frozenset[str]
    booked: str = ""

    def __str__(self) -> str:
        return f"{self.origin} – {self.destination}, fare {self.fare}"

    def body(self) -> dict[str, object]:
        """Return the request body."""
        return {
            "from": self.origin,
            "to": self.destination,
            "duration": self.duration_s,
            "distance": self.distance_km,
            "customer": CUSTOMER,
            "fare": str(self.fare),
            **({"ride": self.booked} if self.booked else {}),
        }


RIDES = (
    Ride("Berlin", "Frankfurt", 420, 600, Decimal("256.50"), EVERYBODY | {EXTRAORDINARY}),
    Ride("Berlin", "Frankfurt", 420, 600, Decimal("49.99"), EVERYBODY),
    Ride("Cape Town", "Stellenbosch", 2700, 50, Decimal("50.00"), EVERYBODY | {EXTRAORDINARY}),
    Ride("Paarl", "Wellington", 900, 15, Decimal("180.00"), EVERYBODY),
    Ride("Cape Town", "Franschhoek", 4200, 82, Decimal("310.25"), EVERYBODY | {EXTRAORDINARY}),
)
