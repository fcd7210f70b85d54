"""A unicorn goes to work, says where it is, and rests."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from apps.identity.models import User
from apps.unicorn_management.models import Unicorn
from wildrydes.models import new_id

from .conftest import FleetFactory, UnicornFactory

ME = "/api/v1/unicorns/me"
ONLINE, OFFLINE, LOCATION = f"{ME}/online", f"{ME}/offline", f"{ME}/location"

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def winelands(fleet: FleetFactory) -> None:
    """Let there be the fleet `winelands`."""
    fleet()


def fields_of(answer: Any) -> list[str]:
    assert answer.status_code == 400, answer.content
    return [error["field"] for error in answer.json()["errors"]]


def test_a_unicorn_that_never_worked_is_not_there(as_winelands: APIClient) -> None:
    assert as_winelands.get(ME).status_code == 404


def test_a_unicorn_goes_to_work_with_a_word_of_where_it_is(as_winelands: APIClient) -> None:
    answer = as_winelands.post(ONLINE, {"place": "paarl"}, format="json")

    assert answer.status_code == 200
    user = User.objects.get(role="unicorn")
    assert answer.json() == {
        "id": f"winelands-{user.pk}",
        "fleet": "winelands",
        "is_online": True,
        "place": "Paarl",
        "latitude": -33.7342,
        "longitude": 18.9621,
        "ride": None,
    }
    assert as_winelands.get(ME).json() == answer.json()


def test_a_unicorn_goes_to_work_without_a_word(as_winelands: APIClient) -> None:
    answer = as_winelands.post(ONLINE)

    assert answer.status_code == 200
    assert (answer.json()["is_online"], answer.json()["place"]) == (True, None)


def test_going_to_work_again_is_the_same_unicorn_where_it_was(as_winelands: APIClient) -> None:
    first = as_winelands.post(ONLINE, {"place": "Paarl"}, format="json").json()

    assert as_winelands.post(ONLINE, {}, format="json").json() == first
    assert Unicorn.objects.count() == 1


def test_a_unicorn_rests_and_its_ride_goes_on(as_winelands: APIClient) -> None:
    as_winelands.post(ONLINE, {"place": "Paarl"}, format="json")
    ride = new_id()
    Unicorn.objects.update(ride=ride)

    answer = as_winelands.post(OFFLINE)

    assert answer.status_code == 200
    found = answer.json()
    assert (found["is_online"], found["place"], found["ride"]) == (False, "Paarl", str(ride))


def test_who_rests_says_nothing_further(as_winelands: APIClient) -> None:
    as_winelands.post(ONLINE, {"place": "Paarl"}, format="json")
    refused = as_winelands.post(OFFLINE, {"until": "noon"}, format="json")

    assert [error["field"] for error in refused.json()["errors"]] == ["until"]
    assert Unicorn.objects.get().is_online


def test_a_unicorn_of_an_account_is_that_unicorn(
    as_winelands: APIClient, unicorn: UnicornFactory
) -> None:
    unicorn(user_id=User.objects.get(role="unicorn").pk, is_online=False)

    assert as_winelands.post(ONLINE).json()["id"] == "shadowfax"


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ({"place": "Cape Town"}, ("Cape Town", -33.9249, 18.4241)),
        ({"latitude": -33.5, "longitude": 19}, (None, -33.5, 19)),
        ({"latitude": 90, "longitude": -180}, (None, 90, -180)),
    ],
    ids=str,
)
def test_a_unicorn_says_where_it_is(
    where: dict[str, Any], expected: tuple[Any, ...], as_winelands: APIClient
) -> None:
    as_winelands.post(ONLINE, {"place": "Paarl"}, format="json")

    answer = as_winelands.post(LOCATION, where, format="json")

    assert answer.status_code == 200
    found = answer.json()
    assert (found["place"], found["latitude"], found["longitude"]) == expected
    assert found["is_online"]


@pytest.mark.parametrize(
    ("where", "named"),
    [
        ({}, ["place"]),
        ({"place": "Atlantis"}, ["place"]),
        ({"place": ""}, ["place"]),
        ({"place": 7}, ["place"]),
        ({"place": "x" * 201}, ["place"]),
        ({"place": "Paarl", "latitude": 1, "longitude": 2}, ["latitude", "longitude"]),
        ({"latitude": 1}, ["longitude"]),
        ({"longitude": 1}, ["latitude"]),
        ({"latitude": 90.1, "longitude": 0}, ["latitude"]),
        ({"latitude": 0, "longitude": -180.1}, ["longitude"]),
        ({"latitude": "0", "longitude": 0}, ["latitude"]),
        ({"latitude": None, "longitude": 0}, ["latitude"]),
        ({"latitude": 0, "longitude": 0, "altitude": 3}, ["altitude"]),
    ],
    ids=str,
)
def test_what_is_no_location_is_refused_by_name(
    where: dict[str, Any], named: list[str], as_winelands: APIClient
) -> None:
    assert fields_of(as_winelands.post(LOCATION, where, format="json")) == named
    assert not Unicorn.objects.exists()


@pytest.mark.parametrize(
    ("body", "named"),
    [({"place": "Atlantis"}, ["place"]), ({"place": None}, ["place"]), ({"at": 1}, ["at"])],
    ids=str,
)
def test_a_wrong_word_on_the_way_to_work_is_refused(
    body: dict[str, Any], named: list[str], as_winelands: APIClient
) -> None:
    assert fields_of(as_winelands.post(ONLINE, body, format="json")) == named
    assert not Unicorn.objects.exists()


@pytest.mark.parametrize("path", [ONLINE, OFFLINE, LOCATION])
def test_a_unicorn_of_no_fleet_of_ours_is_told_so(path: str, as_unicorn: APIClient) -> None:
    answer = as_unicorn.post(path, {"place": "Paarl"} if path != OFFLINE else None, format="json")

    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/fleet-unknown")
    assert not Unicorn.objects.exists()


def test_a_unicorn_that_changes_its_fleet_works_for_the_new_one(
    as_winelands: APIClient, fleet: FleetFactory
) -> None:
    fleet("cape-town")
    id = as_winelands.post(ONLINE).json()["id"]
    user = User.objects.get(role="unicorn")
    user.fleet = "cape-town"
    user.save()
    as_winelands.force_authenticate(user)

    found = as_winelands.post(ONLINE).json()
    assert (found["id"], found["fleet"]) == (id, "cape-town")


@pytest.mark.parametrize("path", [ONLINE, OFFLINE, LOCATION])
def test_only_unicorns_go_to_work(path: str, as_customer: APIClient, as_staff: APIClient) -> None:
    assert as_customer.post(path, {}, format="json").status_code == 403
    assert as_staff.post(path, {}, format="json").status_code == 403
    assert as_staff.get(ME).status_code == 403
    assert APIClient().post(path, {}, format="json").status_code == 401
