"""Fleets, unicorns and requests for quotes as they arrive."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from rest_framework.test import APIClient

from apps.ride_booking.messages import QuotesRequested
from apps.unicorn_management.fleets import gazetteer
from apps.unicorn_management.models import Fleet, Unicorn
from tests.integration.apps.conftest import NOON, client_of, envelope
from wildrydes.envelope import Envelope
from wildrydes.models import new_id

FleetFactory = Callable[..., Fleet]
UnicornFactory = Callable[..., Unicorn]
RequestFactory = Callable[..., Envelope]


@pytest.fixture
def fleet(db: None) -> FleetFactory:
    """Return a maker of fleets; by default `winelands`, which asks 3.00 and 1.00 a kilometre."""

    def make(slug: str = "winelands", **values: Any) -> Fleet:
        standard: dict[str, Any] = {
            "name": slug,
            "home": "Stellenbosch",
            "base": Decimal("3.00"),
            "per_km": Decimal("1.00"),
            "per_minute": Decimal("0.00"),
        }
        return Fleet.objects.create(slug=slug, **standard | values)

    return make


@pytest.fixture
def unicorn(db: None) -> UnicornFactory:
    """Return a maker of unicorns that are online; by default of `winelands`, at Stellenbosch."""

    def make(
        id: str = "shadowfax", fleet: str = "winelands", place: str = "Stellenbosch", **values: Any
    ) -> Unicorn:
        found = gazetteer.find(place)
        where = {"latitude": found and found.latitude, "longitude": found and found.longitude}
        standard: dict[str, Any] = {"is_online": True, "place": place, **where}
        return Unicorn.objects.create(id=id, fleet_id=fleet, **standard | values)

    return make


@pytest.fixture
def quotes_requested() -> RequestFactory:
    """Return a maker of `v1.ride-quotes.requested`: from Paarl to Wellington, for ten seconds."""

    def make(*, origin: str = "Paarl", destination: str = "Wellington", **values: Any) -> Envelope:
        requested_at = values.get("requested_at", NOON)
        request = QuotesRequested(
            rfq=new_id(),
            origin=origin,
            destination=destination,
            customer="cmr",
            requested_at=requested_at,
            deadline_at=values.get("deadline_at", requested_at + timedelta(seconds=10)),
        )
        made = envelope(type_=request.TYPE, data=request.to_data(), time=requested_at)
        return replace(made, id=request.rfq, reply_to="ride_booking.gather_quotes")

    return make


@pytest.fixture
def as_winelands(db: None) -> APIClient:
    """Return a client whose caller is a unicorn of the fleet `winelands`."""
    return client_of(role="unicorn", fleet="winelands")
