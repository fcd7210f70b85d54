"""What a journey costs: to the cent, always the same for the same, more where more is asked."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.unicorn_management.fleets import pricing
from apps.unicorn_management.fleets.gazetteer import Journey
from apps.unicorn_management.fleets.pricing import Demand, Tariff

TARIFF = Tariff(
    base=Decimal("3.00"),
    per_km=Decimal("1.10"),
    per_minute=Decimal("0.20"),
    peak_factor=1.5,
    night_factor=0.8,
    demand_factor=0.1,
    most_surge=2.0,
)
JOURNEY = Journey(distance_km=10.0, duration_s=600.0, estimated=False)
MONDAY_NOON = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)  # noon in South Africa
CALM = Demand(open_requests=1, available_unicorns=3)

amounts = st.decimals(0, 1000, places=2)
factors = st.floats(0.1, 10, allow_nan=False)
tariffs = st.builds(
    Tariff,
    base=amounts,
    per_km=amounts,
    per_minute=amounts,
    peak_factor=factors,
    night_factor=factors,
    demand_factor=st.floats(0, 10, allow_nan=False),
    most_surge=st.floats(1, 10, allow_nan=False),
)
journeys = st.builds(
    Journey,
    distance_km=st.floats(0, 20_016, allow_nan=False),
    duration_s=st.floats(0, 700_000, allow_nan=False),
    estimated=st.booleans(),
)
moments = st.timedeltas(timedelta(0), timedelta(days=7)).map(lambda later: MONDAY_NOON + later)
demands = st.builds(
    Demand, open_requests=st.integers(0, 200), available_unicorns=st.integers(0, 1000)
)


def price_at(moment: datetime, demand: Demand = CALM) -> Decimal:
    return pricing.price(tariff=TARIFF, journey=JOURNEY, asked_at=moment, demand=demand)


def test_base_and_kilometres_and_minutes_add_up() -> None:
    assert price_at(MONDAY_NOON) == Decimal("16.00")  # 3 + 10 * 1.10 + 10 * 0.20


@pytest.mark.parametrize(
    ("hour", "expected"),
    [
        *((6.99, "16.00"), (7, "24.00"), (8.99, "24.00"), (9, "16.00")),
        *((15.99, "16.00"), (16, "24.00"), (18.99, "24.00"), (19, "16.00")),
        *((21.99, "16.00"), (22, "12.80"), (4.99, "12.80"), (5, "16.00")),
    ],
)
def test_the_time_of_day_counts_as_south_africa_sees_it(hour: float, expected: str) -> None:
    midnight = datetime(2026, 3, 2, tzinfo=pricing.LOCAL_TIME)

    moment = (midnight + timedelta(hours=hour)).astimezone(UTC)
    assert price_at(moment) == Decimal(expected)


def test_there_is_no_peak_at_the_weekend() -> None:
    sunday_at_eight = datetime(2026, 3, 1, 8, 0, tzinfo=pricing.LOCAL_TIME)

    assert price_at(sunday_at_eight) == Decimal("16.00")


@pytest.mark.parametrize(
    ("open_requests", "available", "expected"),
    [(0, 3, "16.00"), (3, 3, "16.00"), (6, 3, "17.60"), (200, 3, "32.00"), (3, 0, "19.20")],
)
def test_more_requests_than_unicorns_cost_more_up_to_the_most(
    open_requests: int, available: int, expected: str
) -> None:
    demand = Demand(open_requests=open_requests, available_unicorns=available)

    assert price_at(MONDAY_NOON, demand) == Decimal(expected)


def test_half_a_cent_is_rounded_up() -> None:
    tariff = Tariff(base=Decimal("0.02"), per_km=Decimal("0.01"), per_minute=Decimal(0))
    half = Journey(distance_km=0.5, duration_s=0.0, estimated=False)

    priced = pricing.price(tariff=tariff, journey=half, asked_at=MONDAY_NOON, demand=CALM)
    assert priced == Decimal("0.03")


def test_a_ride_is_never_free() -> None:
    free = Tariff(base=Decimal(0), per_km=Decimal(0), per_minute=Decimal(0))

    priced = pricing.price(tariff=free, journey=JOURNEY, asked_at=MONDAY_NOON, demand=CALM)
    assert priced == Decimal("0.01")


@given(tariffs, journeys, moments, demands)
def test_a_price_is_positive_exact_to_the_cent_and_bounded(
    tariff: Tariff, journey: Journey, asked_at: datetime, demand: Demand
) -> None:
    found = pricing.price(tariff=tariff, journey=journey, asked_at=asked_at, demand=demand)

    assert found >= Decimal("0.01")
    assert found.as_tuple().exponent == -2
    assert found < Decimal("9999999999.99")
    surge = pricing.surge(tariff=tariff, asked_at=asked_at, demand=demand)
    assert 0 < surge <= Decimal(repr(tariff.most_surge))


@given(tariffs, journeys, moments, demands, st.floats(0, 100, allow_nan=False))
def test_a_longer_way_and_more_demand_never_cost_less(
    tariff: Tariff, journey: Journey, asked_at: datetime, demand: Demand, more: float
) -> None:
    def cost(journey: Journey, demand: Demand) -> Decimal:
        return pricing.price(tariff=tariff, journey=journey, asked_at=asked_at, demand=demand)

    longer = replace(journey, distance_km=journey.distance_km + more)
    busier = replace(demand, open_requests=demand.open_requests + int(more))
    assert cost(longer, demand) >= cost(journey, demand)
    assert cost(journey, busier) >= cost(journey, demand)
