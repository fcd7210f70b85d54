from __future__ import annotations

from collections.abc import Callable

import pytest
from rest_framework.test import APIClient

from apps.extraordinary_rides.subscriptions import record_extraordinary_ride
from wildrydes.envelope import Envelope

Make = Callable[..., Envelope]

BOARD = "/api/v1/extraordinary-rides"


@pytest.fixture
def two_rides(db: None, ride_completed: Make) -> None:
    """Record a costly ride of `cmr` and a long one of someone else."""
    record_extraordinary_ride(
        [
            ride_completed(customer="cmr", fare=500, distance=30),
            ride_completed(customer="other", fare=60.5, distance=900.5),
        ]
    )


@pytest.mark.usefixtures("two_rides")
def test_a_customer_sees_who_rode_only_where_it_was_them(as_customer: APIClient) -> None:
    body = as_customer.get(BOARD).json()

    assert body["by"] == "fare"
    assert [ride["customer"] for ride in body["rides"]] == ["cmr", None]


@pytest.mark.usefixtures("two_rides")
def test_staff_sees_who_rode(as_staff: APIClient) -> None:
    body = as_staff.get(BOARD, {"by": "distance", "limit": 1}).json()

    (ride,) = body["rides"]
    assert ride.pop("id")
    assert ride == {
        "from": "Berlin",
        "to": "Frankfurt",
        "duration": 420,
        "distance": 900.5,
        "customer": "other",
        "fare": "60.50",
        "currency": "EUR",
        "fleet": "north",
        "completed_at": "2026-03-01T12:00:00Z",
    }


@pytest.mark.usefixtures("two_rides")
def test_a_unicorn_sees_the_rides_and_no_strangers(as_unicorn: APIClient) -> None:
    body = as_unicorn.get(BOARD).json()

    assert [ride["customer"] for ride in body["rides"]] == [None, None]


@pytest.mark.parametrize("query", [{"by": "beauty"}, {"limit": "0"}, {"limit": "101"}])
def test_what_cannot_be_asked_is_refused_by_name(
    query: dict[str, str], as_customer: APIClient
) -> None:
    answer = as_customer.get(BOARD, query)

    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == list(query)


def test_the_unknown_see_nothing(db: None) -> None:
    assert APIClient().get(BOARD).status_code == 401
