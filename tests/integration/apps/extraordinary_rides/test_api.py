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
def test_other_people_s_rides_are_for_staff_only(
    as_customer: APIClient, as_unicorn: APIClient
) -> None:
    assert as_customer.get(BOARD).status_code == 403
    assert as_unicorn.get(BOARD).status_code == 403


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


@pytest.mark.parametrize("query", [{"by": "beauty"}, {"limit": "0"}, {"limit": "101"}])
def test_what_cannot_be_asked_is_refused_by_name(
    query: dict[str, str], as_staff: APIClient
) -> None:
    answer = as_staff.get(BOARD, query)

    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == list(query)


def test_the_unknown_see_nothing(db: None) -> None:
    assert APIClient().get(BOARD).status_code == 401
