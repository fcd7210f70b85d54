"""Places, and how far they are from each other."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.unicorn_management.fleets import gazetteer
from apps.unicorn_management.fleets.gazetteer import Place

HALF_THE_EARTH_KM = 20_016

places = st.builds(
    Place,
    latitude=st.floats(-90, 90, allow_nan=False),
    longitude=st.floats(-180, 180, allow_nan=False),
)


@pytest.mark.parametrize("name", ["Cape Town", "cape town", "  CAPE   TOWN "])
def test_a_place_is_found_whatever_its_case(name: str) -> None:
    assert gazetteer.find(name) == gazetteer.PLACES[0]


@pytest.mark.parametrize("name", ["", " ", "Atlantis", "Cape"])
def test_a_place_that_is_not_there_is_not_found(name: str) -> None:
    assert gazetteer.find(name) is None


def test_every_name_is_there_once() -> None:
    assert len({place.name.casefold() for place in gazetteer.PLACES}) == len(gazetteer.PLACES)


@pytest.mark.parametrize(
    ("origin", "destination", "expected"),
    [
        ("Berlin", "Frankfurt", 424),
        ("Frankfurt", "Las Vegas", 8950),
        ("Cape Town", "Stellenbosch", 40),
        ("Paarl", "Wellington", 11.4),
    ],
)
def test_known_distances(origin: str, destination: str, expected: float) -> None:
    journey = gazetteer.journey(origin=origin, destination=destination)

    assert journey.distance_km == pytest.approx(expected, rel=0.02)
    assert not journey.estimated


@pytest.mark.parametrize(("origin", "destination"), [("Atlantis", "Paarl"), ("Paarl", "Atlantis")])
def test_the_distance_to_an_unknown_place_is_an_estimate(origin: str, destination: str) -> None:
    journey = gazetteer.journey(origin=origin, destination=destination)

    assert journey == gazetteer.Journey(distance_km=25.0, duration_s=870.0, estimated=True)


@given(places, places)
def test_distance_is_the_same_both_ways_and_never_round_the_earth(a: Place, b: Place) -> None:
    there, back = gazetteer.distance_km(a, b), gazetteer.distance_km(b, a)

    assert there == pytest.approx(back, abs=0.001)
    assert 0 <= there <= HALF_THE_EARTH_KM
    assert gazetteer.distance_km(a, a) == pytest.approx(0, abs=0.001)
