"""What customers and staff are told of a fare, over HTTP, and how staff give one back."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from rest_framework.test import APIClient

from apps.fare_collection.models import FareCollection
from apps.identity.models import User
from wildrydes.models import new_id

from ..conftest import client_of
from .conftest import Town

FARES = "/api/v1/fare-collections"
GiveCard = Callable[..., None]


@pytest.fixture
def collected(town: Town, card: GiveCard) -> FareCollection:
    card()
    return town.collect()


@pytest.fixture
def as_operator(transactional_db: None) -> APIClient:
    """Return a client of a member of staff who may do everything."""
    client = APIClient()
    client.force_authenticate(User.objects.create_superuser(username="olga"))
    return client


def test_a_customer_sees_how_the_fare_was_collected(
    collected: FareCollection, as_customer: APIClient
) -> None:
    ride = str(collected.ride_completion)

    answer = as_customer.get(f"{FARES}/{collected.id}")

    assert answer.status_code == 200
    body = answer.json()
    assert (body["id"], body["ride"], body["status"]) == (str(collected.id), ride, "collected")
    assert (body["amount"], body["currency"], body["refunds"]) == ("256.50", "EUR", [])
    assert [(step["name"], step["status"], step["attempts"]) for step in body["steps"]] == [
        ("register", "succeeded", 1),
        ("authorise", "succeeded", 1),
        ("capture", "succeeded", 1),
        ("credit", "succeeded", 1),
        ("mark_collected", "succeeded", 1),
    ]
    assert body["history"][0]["event"] == "started"
    assert body["history"][-1]["event"] == "completed"
    assert as_customer.get(FARES, {"ride": ride}).json() == body
    assert as_customer.get(FARES).json()["results"][0]["id"] == body["id"]


def test_why_a_fare_was_not_collected_is_said(town: Town, as_customer: APIClient) -> None:
    failed = town.collect()

    body = as_customer.get(f"{FARES}/{failed.id}").json()

    assert (body["status"], body["failed_step"]) == ("failed", "authorise")
    assert body["reason"] == "there is no payment method"
    steps = {step["name"]: step for step in body["steps"]}
    assert steps["authorise"]["reason"] == "there is no payment method"
    assert steps["capture"]["status"] == "pending"


def test_others_fares_are_not_there(collected: FareCollection, as_unicorn: APIClient) -> None:
    stranger = client_of(role="customer", customer="eve")

    for client in (stranger, as_unicorn):
        assert client.get(f"{FARES}/{collected.id}").status_code == 404
        ride = {"ride": str(collected.ride_completion)}
        assert client.get(FARES, ride).status_code == 404
        assert client.get(FARES).json()["results"] == []
    assert APIClient().get(FARES).status_code == 401


@pytest.mark.parametrize("query", [{"ride": ""}, {"ride": "x" * 201}, {"limit": "0"}])
def test_what_cannot_be_asked_is_refused_by_name(
    query: dict[str, str], as_staff: APIClient
) -> None:
    answer = as_staff.get(FARES, query)

    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == list(query)


def test_staff_give_a_part_back(
    collected: FareCollection, as_operator: APIClient, town: Town
) -> None:
    order = {"amount": "56.50", "reason": "A detour."}

    answer = as_operator.post(f"{FARES}/{collected.id}/refund", order, format="json")

    assert answer.status_code == 202
    assert (answer.json()["status"], answer.json()["amount"]) == ("refunding", "56.50")
    town.run()
    shown = as_operator.get(answer["Location"]).json()
    assert (shown["status"], shown["steps"][-1]["status"]) == ("refunded", "succeeded")
    fare = as_operator.get(f"{FARES}/{collected.id}").json()
    assert (fare["status"], fare["refunded"]) == ("collected", "56.50")
    assert [refund["id"] for refund in fare["refunds"]] == [shown["id"]]


@pytest.mark.parametrize(
    ("order", "field"),
    [
        ({"reason": "x", "amount": "0"}, "amount"),
        ({"reason": "x", "amount": "-1"}, "amount"),
        ({"amount": "1"}, "reason"),
        ({"reason": " "}, "reason"),
        ({"reason": "x", "to": "me"}, "to"),
    ],
)
def test_a_refund_that_makes_no_sense_is_refused_by_name(
    order: dict[str, str], field: str, as_operator: APIClient
) -> None:
    answer = as_operator.post(f"{FARES}/{new_id()}/refund", order, format="json")

    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == [field]


def test_what_is_not_there_to_be_given_back_is_a_conflict(
    collected: FareCollection, as_operator: APIClient
) -> None:
    def give_back(amount: str) -> int:
        path, order = f"{FARES}/{collected.id}/refund", {"amount": amount, "reason": "x"}
        return int(as_operator.post(path, order, format="json").status_code)

    assert give_back("256.51") == 409
    assert give_back("256.50") == 202
    assert give_back("0.01") == 409
    assert (
        as_operator.post(f"{FARES}/{new_id()}/refund", {"reason": "x"}, format="json").status_code
        == 404
    )


def test_only_staff_who_may_give_anything_back(
    collected: FareCollection, as_customer: APIClient, as_staff: APIClient, as_unicorn: APIClient
) -> None:
    for client in (as_customer, as_staff, as_unicorn):
        answer = client.post(f"{FARES}/{collected.id}/refund", {"reason": "x"}, format="json")
        assert answer.status_code == 403


def test_a_refund_that_is_ordered_again_with_its_key_is_made_once(
    collected: FareCollection, as_operator: APIClient, town: Town
) -> None:
    url, order = f"{FARES}/{collected.id}/refund", {"amount": "56.50", "reason": "A detour."}
    key = {"Idempotency-Key": "k-1"}

    first, second = (as_operator.post(url, order, format="json", headers=key) for _ in range(2))

    assert (first.status_code, second.status_code) == (202, 202)
    assert (second.content, second["Location"]) == (first.content, first["Location"])
    town.run()
    fare = as_operator.get(f"{FARES}/{collected.id}").json()
    assert (fare["refunded"], len(fare["refunds"])) == ("56.50", 1)
