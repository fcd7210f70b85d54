"""The published language of unicorn management says what it means, exactly."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from apps.unicorn_management.messages import FLEETS, GiveQuote, Quote, RideCompleted

RIDE = RideCompleted(
    ride_completion=UUID(int=7),
    ride=None,
    origin="Berlin",
    destination="Frankfurt",
    duration=420.0,
    distance=600.5,
    customer="cmr",
    fare=Decimal("256.50"),
    currency="EUR",
    fleet="cape-town",
    completed_at=datetime(2026, 3, 1, 12, 0, tzinfo=UTC),
)

QUOTE = Quote(
    quote=Decimal("12.50"),
    currency="EUR",
    unicorn="shadowfax",
    distance_km=39.7,
    duration_s=1311.0,
    estimated=False,
    expires_at=datetime(2026, 3, 1, 12, 5, tzinfo=UTC),
)


def test_the_data_is_plain_json_with_numbers_that_filters_can_compare() -> None:
    assert RIDE.to_data() == {
        "ride_completion": "00000000-0000-0000-0000-000000000007",
        "ride": None,
        "from": "Berlin",
        "to": "Frankfurt",
        "duration": 420,
        "distance": 600.5,
        "customer": "cmr",
        "fare": 256.5,
        "currency": "EUR",
        "fleet": "cape-town",
        "completed_at": "2026-03-01T12:00:00+00:00",
    }


@pytest.mark.parametrize(
    "fare", ["0.00", "0.01", "0.07", "4.35", "49.99", "256.50", "1000.00", "9999999999.99"]
)
def test_what_was_written_is_read_back_to_the_cent(fare: str) -> None:
    ride = replace(RIDE, fare=Decimal(fare), ride="ride-1")
    read = RideCompleted.from_data(json.loads(json.dumps(ride.to_data())))

    assert read == ride
    assert str(read.fare) == fare


@pytest.mark.parametrize("field", RIDE.to_data())
def test_a_missing_field_is_named(field: str) -> None:
    data: dict[str, Any] = RIDE.to_data()
    del data[field]

    with pytest.raises(KeyError, match=field):
        RideCompleted.from_data(data)


def test_a_quote_is_written_as_it_is_shown_to_people() -> None:
    assert QUOTE.to_data() == {
        "quote": "12.50",
        "currency": "EUR",
        "unicorn": "shadowfax",
        "distance_km": 39.7,
        "duration_s": 1311,
        "estimated": False,
        "expires_at": "2026-03-01T12:05:00+00:00",
    }


@pytest.mark.parametrize("quote", ["0.01", "12.50", "99999999.99"])
def test_a_quote_is_read_back_to_the_cent(quote: str) -> None:
    written = replace(QUOTE, quote=Decimal(quote))

    assert Quote.from_data(json.loads(json.dumps(written.to_data()))) == written


def test_the_command_to_answer_later_carries_the_whole_request() -> None:
    command = GiveQuote(fleet="winelands", request={"id": "1", "data": {"to": "Paarl"}})

    assert GiveQuote.from_data(json.loads(json.dumps(command.to_data()))) == command


def test_there_are_ten_fleets_and_those_of_the_demo_accounts_are_among_them() -> None:
    assert len(set(FLEETS)) == len(FLEETS) >= 10
    assert {"cape-town", "winelands"} <= set(FLEETS)
