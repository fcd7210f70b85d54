"""A booked ride is started, cancelled or completed, by those who may, when they may."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone
from rest_framework.test import APIClient
from structlog.testing import capture_logs

from apps.ride_booking.messages import RideCancelled, RideFinished, RideStarted
from apps.ride_booking.models import Charge, Ride
from apps.ride_booking.subscriptions import complete_ride
from config.topology import TOPOLOGY
from tests.integration.apps.ride_booking.conftest import (
    RIDES,
    URL,
    WANTED,
    another,
    fields_of,
    problem_of,
    quote,
)
from wildrydes.envelope import Envelope
from wildrydes.models import Message

Make = Callable[..., Envelope]


@pytest.fixture
def ride(as_customer: APIClient, rfq: str) -> str:
    """Return the address of a ride that `cmr` booked with the fleet `north` for 30.00."""
    quote(rfq, "north", "30.00", unicorn="rarity")
    answer = as_customer.post(f"{URL}/{rfq}/accept", {"responder": "north"}, format="json")
    return str(answer["Location"])


def id_of(ride: str) -> str:
    return ride.rpartition("/")[2]


def complete(*events: Envelope) -> None:
    with transaction.atomic():
        complete_ride(events)


def booked_earlier(by: timedelta) -> None:
    Ride.objects.update(booked_at=timezone.now() - by)


def events(type_: str) -> list[dict[str, Any]]:
    return [row.data for row in Message.objects.filter(type=type_)]


def test_the_unicorn_starts_the_ride(as_unicorn: APIClient, ride: str) -> None:
    answer = as_unicorn.post(f"{ride}/start")

    assert answer.status_code == 200
    content = answer.json()
    assert content["state"] == "started"
    assert (content["timeline"][-1]["event"], content["timeline"][-1]["by"]) == (
        "started",
        "unicorn",
    )
    (event,) = events(RideStarted.TYPE)
    assert (event["ride"], event["unicorn"]) == (id_of(ride), "rarity")


def test_a_ride_is_started_once(as_unicorn: APIClient, ride: str) -> None:
    as_unicorn.post(f"{ride}/start")
    refused = as_unicorn.post(f"{ride}/start")

    assert problem_of(refused) == (409, "ride-state")
    assert refused.json()["state"] == "started"
    assert len(events(RideStarted.TYPE)) == 1


def test_customers_start_nothing(as_customer: APIClient, ride: str) -> None:
    assert problem_of(as_customer.post(f"{ride}/start")) == (403, "permission-denied")


@pytest.mark.parametrize(
    "caller",
    [{"role": "unicorn", "fleet": "south"}, {"role": "customer", "customer": "thandi"}],
    ids=str,
)
def test_others_do_not_learn_that_a_ride_exists(ride: str, caller: dict[str, str]) -> None:
    client = another(**caller)

    for path in ("", "/cancellation", "/receipt"):
        assert problem_of(client.get(f"{ride}{path}")) == (404, "not-found")
    assert problem_of(client.post(f"{ride}/cancel")) == (404, "not-found")
    assert client.get(RIDES).json() == {"results": [], "next": None}
    if caller["role"] == "unicorn":
        assert problem_of(client.post(f"{ride}/start")) == (404, "not-found")
    assert Ride.objects.get().state == "booked"


@pytest.mark.parametrize("action", ["start", "cancel"])
def test_a_body_that_says_something_is_refused(as_staff: APIClient, ride: str, action: str) -> None:
    answer = as_staff.post(f"{ride}/{action}", {"reason": "why"}, format="json")

    assert fields_of(answer) == ["reason"]
    assert as_staff.post(f"{ride}/{action}", {}, format="json").status_code == 200


def test_a_customer_cancels_free_of_charge_at_first(as_customer: APIClient, ride: str) -> None:
    terms = as_customer.get(f"{ride}/cancellation").json()
    assert (terms["allowed"], terms["fee"]) == (True, "0.00")

    content = as_customer.post(f"{ride}/cancel").json()

    assert (content["state"], content["cancellation_fee"]) == ("cancelled", "0.00")
    assert content["timeline"][-1]["event"] == "cancelled"
    (event,) = events(RideCancelled.TYPE)
    assert (event["fee"], event["cancelled_by"]) == (0, "customer")
    assert as_customer.get(f"{ride}/receipt").json()["lines"] == []


def test_later_it_costs_a_fifth_of_the_price(as_customer: APIClient, ride: str) -> None:
    booked_earlier(timedelta(minutes=3))
    assert as_customer.get(f"{ride}/cancellation").json()["fee"] == "6.00"

    assert as_customer.post(f"{ride}/cancel").json()["cancellation_fee"] == "6.00"

    assert events(RideCancelled.TYPE)[0]["fee"] == 6
    receipt = as_customer.get(f"{ride}/receipt").json()
    (line,) = receipt["lines"]
    assert (line["kind"], line["amount"]) == ("cancellation_fee", "6.00")
    assert receipt["total"] == "6.00"


def test_a_started_ride_is_cancelled_by_staff_only(
    as_customer: APIClient, as_unicorn: APIClient, as_staff: APIClient, ride: str
) -> None:
    as_unicorn.post(f"{ride}/start")

    assert as_customer.get(f"{ride}/cancellation").json()["allowed"] is False
    for client in (as_customer, as_unicorn):
        refused = client.post(f"{ride}/cancel")
        assert problem_of(refused) == (409, "ride-state")
        assert refused.json()["state"] == "started"
    assert as_staff.post(f"{ride}/cancel").json()["cancellation_fee"] == "0.00"


def test_a_ride_is_cancelled_once(as_customer: APIClient, as_staff: APIClient, ride: str) -> None:
    as_customer.post(f"{ride}/cancel")

    assert problem_of(as_staff.post(f"{ride}/cancel")) == (409, "ride-state")
    assert problem_of(as_staff.post(f"{ride}/start")) == (409, "ride-state")
    assert len(events(RideCancelled.TYPE)) == 1


@pytest.mark.parametrize("started", [True, False])
def test_a_ride_is_completed_by_what_the_unicorn_reports(
    as_unicorn: APIClient, as_customer: APIClient, ride: str, ride_completed: Make, started: bool
) -> None:
    if started:
        as_unicorn.post(f"{ride}/start")
    event = ride_completed(ride=id_of(ride), fare=31.5)

    complete(event)

    content = as_customer.get(ride).json()
    assert content["state"] == "completed"
    assert content["ride_completion"] == event.data["ride_completion"]
    assert (content["timeline"][-1]["event"], content["timeline"][-1]["by"]) == (
        "completed",
        "unicorn",
    )
    receipt = as_customer.get(f"{ride}/receipt").json()
    assert [(line["kind"], line["amount"]) for line in receipt["lines"]] == [("fare", "31.50")]
    assert (receipt["ride"], receipt["state"], receipt["total"]) == (
        id_of(ride),
        "completed",
        "31.50",
    )
    (finished,) = events(RideFinished.TYPE)
    assert (finished["ride"], finished["unicorn"], finished["fare"]) == (
        id_of(ride),
        "rarity",
        31.5,
    )


def test_staff_may_report_a_ride_of_any_fleet(
    as_customer: APIClient, ride: str, ride_completed: Make
) -> None:
    complete(ride_completed(ride=id_of(ride), fleet=""))

    assert as_customer.get(ride).json()["timeline"][-1]["by"] == "staff"


@pytest.mark.parametrize(
    "strange",
    [
        {"ride": "r-1"},
        {"ride": "01890000-0000-7000-8000-000000000000"},
        {"fleet": "south"},
        {"customer": "thandi"},
    ],
    ids=str,
)
def test_what_speaks_of_no_ride_of_ours_is_left_alone_and_said(
    as_customer: APIClient, ride: str, ride_completed: Make, strange: dict[str, str]
) -> None:
    with capture_logs() as logs:
        complete(ride_completed(**{"ride": id_of(ride), **strange}))

    assert as_customer.get(ride).json()["state"] == "booked"
    assert [entry["event"] for entry in logs] == ["completion_of_no_ride"]
    assert events(RideFinished.TYPE) == []


def test_a_strange_one_does_not_hold_up_the_others(
    as_customer: APIClient, ride: str, ride_completed: Make
) -> None:
    complete(ride_completed(ride="r-1"), ride_completed(ride=id_of(ride)))

    assert as_customer.get(ride).json()["state"] == "completed"


def test_a_ride_is_completed_once_and_not_after_it_was_cancelled(
    as_customer: APIClient, ride: str, ride_completed: Make
) -> None:
    complete(ride_completed(ride=id_of(ride)), ride_completed(ride=id_of(ride)))
    complete(ride_completed(ride=id_of(ride)))

    assert Charge.objects.count() == 1
    assert len(events(RideFinished.TYPE)) == 1

    Ride.objects.update(state="cancelled", cancellation_fee=0, ride_completion=None)
    complete(ride_completed(ride=id_of(ride)))
    assert Ride.objects.get().state == "cancelled"


def test_only_completions_of_booked_rides_come_here(ride_completed: Make) -> None:
    wants = TOPOLOGY.subscription("ride_booking.complete_ride").wants

    assert [wants(ride_completed(ride=ride)) for ride in (None, "r-1")] == [False, True]


def test_a_unicorn_is_free_again_after_the_ride(
    as_customer: APIClient, ride: str, ride_completed: Make
) -> None:
    complete(ride_completed(ride=id_of(ride)))
    rfq = as_customer.post(URL, WANTED, format="json").json()["id"]
    quote(rfq, "north", unicorn="rarity")

    answer = as_customer.post(f"{URL}/{rfq}/accept", {"responder": "north"}, format="json")
    assert answer.status_code == 201


def test_the_list_is_newest_first_and_paged(
    as_customer: APIClient, as_unicorn: APIClient, as_staff: APIClient
) -> None:
    booked = []
    for fleet in ("north", "south", "north"):
        rfq = as_customer.post(URL, WANTED, format="json").json()["id"]
        quote(rfq, fleet)
        accepted = as_customer.post(f"{URL}/{rfq}/accept", {"responder": fleet}, format="json")
        booked.append(accepted.json()["id"])

    first = as_customer.get(f"{RIDES}?limit=2").json()
    second = as_customer.get(first["next"]).json()

    assert [row["id"] for row in first["results"] + second["results"]] == booked[::-1]
    assert second["next"] is None
    assert [len(row["timeline"]) for row in first["results"]] == [3, 3]
    of_the_fleet = [row["id"] for row in as_unicorn.get(RIDES).json()["results"]]
    assert of_the_fleet == [booked[2], booked[0]]
    assert len(as_staff.get(RIDES).json()["results"]) == 3


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "before=7"])
def test_a_page_that_is_none_is_refused_by_name(as_customer: APIClient, query: str) -> None:
    assert fields_of(as_customer.get(f"{RIDES}?{query}")) == [query.partition("=")[0]]
