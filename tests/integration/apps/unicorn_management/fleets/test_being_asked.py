"""A request goes out to every fleet, and what they say comes back to it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

import pytest
from rest_framework.test import APIClient

from apps.unicorn_management.messages import FLEETS
from apps.unicorn_management.models import Fleet
from tests.integration.wildrydes.conftest import Kernel
from wildrydes.consumer import answering
from wildrydes.models import Response

from .conftest import FleetFactory, UnicornFactory

pytestmark = pytest.mark.django_db(transaction=True)

URL = "/api/v1/instant-ride-rfqs"
WANTED = {"from": "Paarl", "to": "Wellington", "customer": "cmr", "deadline_seconds": 60}


@pytest.fixture
def kernel(wire: None) -> Iterator[Kernel]:
    """Return a relay of the whole platform and the hands of its workers."""
    kernel = Kernel(use=lambda topology: None)
    with kernel.relay:
        yield kernel


@pytest.fixture
def asked(
    kernel: Kernel, fleet: FleetFactory, unicorn: UnicornFactory, as_customer: APIClient
) -> dict[str, Mapping[str, Any]]:
    """Ask; return what is delivered to each fleet. Two are there, one of them without a unicorn."""
    fleet()
    unicorn()
    fleet("cape-town")
    assert as_customer.post(URL, WANTED, format="json").status_code == 201
    kernel.run_relay()
    taken = {name: kernel.take(f"unicorn_management.fleet.{name}") for name in FLEETS}
    return {name: delivery for name, delivery in taken.items() if delivery}


def answer(fleet: str, delivery: Mapping[str, Any]) -> Mapping[str, Any]:
    return answering.answer(subscription=f"unicorn_management.quote.{fleet}", body=delivery)


def test_every_fleet_is_asked_and_every_answer_is_kept(
    asked: dict[str, Mapping[str, Any]],
) -> None:
    for fleet, delivery in asked.items():
        answering.record(gathering="ride_booking.gather_quotes", carried=answer(fleet, delivery))

    said = {item.responder: item for item in Response.objects.all()}
    assert set(asked) == set(said) == set(FLEETS)
    assert said["winelands"].data["quote"] == "14.50"
    assert said["winelands"].data["unicorn"] == "shadowfax"
    assert {item.outcome for name, item in said.items() if name != "winelands"} == {"declined"}


def test_a_request_that_is_delivered_again_is_answered_with_the_same_words(
    asked: dict[str, Mapping[str, Any]],
) -> None:
    first = answer("winelands", asked["winelands"])
    Fleet.objects.update(per_km=Decimal("9.00"), is_active=False)

    assert answer("winelands", asked["winelands"])["answers"] == first["answers"]
