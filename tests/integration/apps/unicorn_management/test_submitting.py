"""A ride that was accepted is stored and its event on the way; one that was not left nothing."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest
from django.db import OperationalError
from django.db.models import Model
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from apps.identity.models import User
from apps.identity.operations import issue_token
from apps.unicorn_management.messages import RideCompleted
from apps.unicorn_management.models import RideCompletion
from wildrydes import prepared
from wildrydes.models import Message, Unrouted

URL = "/api/v1/ride-completions"
ALIAS = "/submit-ride-completion"

Ride = dict[str, Any]


def nothing_is_stored() -> bool:
    return not RideCompletion.objects.exists() and not Message.objects.exists()


def send(client: APIClient, body: str, url: str = URL) -> Any:
    return client.post(url, body.encode(), content_type="application/json")


def fields_of(answer: Any) -> list[str]:
    assert answer.status_code == 400, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    return [error["field"] for error in answer.json()["errors"]]


@pytest.mark.parametrize("url", [URL, ALIAS])
def test_a_ride_is_answered_as_it_was_sent(as_unicorn: APIClient, ride: Ride, url: str) -> None:
    answer = as_unicorn.post(url, ride, format="json")

    assert answer.status_code == 201
    content = answer.json()
    assert answer["Location"] == f"{URL}/{content['id']}"
    assert content == {**ride, "id": content["id"], "fare": "256.50"}
    assert UUID(content["id"]).version == 7


def test_a_ride_is_stored_with_who_submitted_it_and_when(as_unicorn: APIClient, ride: Ride) -> None:
    before = timezone.now()
    id = as_unicorn.post(URL, ride, format="json").json()["id"]

    row = RideCompletion.objects.get(id=id)
    assert (row.origin, row.destination, row.customer) == ("Berlin", "Frankfurt", "cmr")
    assert (row.duration_s, row.distance_km, str(row.fare)) == (420.0, 600.0, "256.50")
    assert (row.fleet, row.currency, row.ride) == ("north", "EUR", None)
    assert row.submitted_by_id == User.objects.get().pk
    assert before <= row.submitted_at <= timezone.now()


def test_its_event_says_what_happened(as_unicorn: APIClient, ride: Ride) -> None:
    id = as_unicorn.post(URL, ride, format="json", headers={"X-Request-ID": "story"}).json()["id"]

    row, message = RideCompletion.objects.get(), Message.objects.get()
    assert message.id == row.message_id
    assert (message.type, message.subject, message.group_id) == ("v1.ride.completed", id, "cmr")
    assert message.correlation_id == "story"
    assert message.data["fare"] == 256.5
    event = RideCompleted.from_data(message.data)
    assert (event.ride_completion, event.fare) == (row.id, row.fare)
    assert (event.completed_at, event.fleet) == (row.submitted_at, "north")
    assert Unrouted.objects.count() == 1


def test_staff_submit_too_and_belong_to_no_fleet(as_staff: APIClient, ride: Ride) -> None:
    assert as_staff.post(URL, ride, format="json").status_code == 201
    assert RideCompletion.objects.get().fleet == ""


def test_any_customer_id_will_do(as_unicorn: APIClient, ride: Ride) -> None:
    ride["customer"] = "nobody that identity knows ☀"

    assert as_unicorn.post(URL, ride, format="json").status_code == 201


def test_texts_are_kept_as_they_were_sent(as_unicorn: APIClient, ride: Ride) -> None:
    ride["from"] = "  Cape Town\n"

    assert as_unicorn.post(URL, ride, format="json").json()["from"] == "  Cape Town\n"


@pytest.mark.parametrize(
    ("fare", "written"),
    [
        ("256.5", "256.50"),
        ('"256.50"', "256.50"),
        ("0", "0.00"),
        ("9999999999.99", "9999999999.99"),
    ],
)
def test_money_is_exact_all_the_way(
    as_unicorn: APIClient, ride: Ride, fare: str, written: str
) -> None:
    body = json.dumps({**ride, "fare": 0}).replace('"fare": 0', f'"fare": {fare}')
    answer = send(as_unicorn, body)

    assert answer.json()["fare"] == written
    assert str(RideCompletion.objects.get().fare) == written
    assert str(RideCompleted.from_data(Message.objects.get().data).fare) == written


def test_fractions_of_seconds_and_kilometres_are_kept(as_unicorn: APIClient, ride: Ride) -> None:
    answer = as_unicorn.post(URL, {**ride, "duration": 0.5, "distance": 12.25}, format="json")

    assert (answer.json()["duration"], answer.json()["distance"]) == (0.5, 12.25)


def test_a_booked_ride_is_spoken_of_only_when_it_was_given(
    as_unicorn: APIClient, ride: Ride
) -> None:
    assert "ride" not in as_unicorn.post(URL, ride, format="json").json()
    assert as_unicorn.post(URL, {**ride, "ride": "r-1"}, format="json").json()["ride"] == "r-1"


def test_a_second_completion_of_a_ride_is_refused_with_the_first_one_s_id(
    as_unicorn: APIClient, ride: Ride
) -> None:
    ride["ride"] = "r-1"
    first = as_unicorn.post(URL, ride, format="json").json()["id"]
    answer = as_unicorn.post(URL, ride, format="json")

    assert answer.status_code == 409
    assert answer.json()["type"] == "/problems/ride-already-completed"
    assert answer.json()["ride_completion"] == first
    assert RideCompletion.objects.count() == Message.objects.count() == 1


def test_rides_that_were_not_booked_do_not_collide(as_unicorn: APIClient, ride: Ride) -> None:
    assert {as_unicorn.post(URL, ride, format="json").status_code for _ in range(2)} == {201}


@pytest.mark.parametrize("field", ["from", "to", "duration", "distance", "customer", "fare"])
def test_a_missing_field_is_named(as_unicorn: APIClient, ride: Ride, field: str) -> None:
    del ride[field]

    assert fields_of(as_unicorn.post(URL, ride, format="json")) == [field]
    assert nothing_is_stored()


BAD_TEXTS = ["null", "1", "true", "[]", "{}", '""', '" "', '"\\u0000"', '"\\ud800"']
BAD_NUMBERS = [
    *("null", "true", '"1"', "[]", "{}", "-1", "-0.01"),
    *("NaN", "Infinity", "-Infinity", "1e999", "-1e999", "1e10", "9" * 5000),
    *("-1e-400", "-1e-99999999999999999999", "19.99999999999999999999"),
]
BAD_VALUES = [
    *(("from", value) for value in [*BAD_TEXTS, f'"{"x" * 201}"']),
    *(("to", value) for value in [*BAD_TEXTS, f'"{"x" * 201}"']),
    *(("customer", value) for value in [*BAD_TEXTS, f'"{"x" * 65}"']),
    *(("ride", value) for value in [*BAD_TEXTS, f'"{"x" * 201}"']),
    *(("duration", value) for value in BAD_NUMBERS),
    *(("distance", value) for value in BAD_NUMBERS),
    *(("fare", value) for value in BAD_NUMBERS if value != '"1"'),
    *(("fare", value) for value in ['"x"', '"-1"', "0.001", '"1.001"', '"1e2"', '" 1"', '"NaN"']),
    *(("tip", value) for value in ["1", "NaN", "null", "[[[[]]]]"]),
]


@pytest.mark.parametrize(("field", "value"), BAD_VALUES, ids=lambda part: str(part)[:12])
def test_a_bad_value_is_refused_by_name(
    as_unicorn: APIClient, ride: Ride, field: str, value: str
) -> None:
    ride[field] = "PLACE"
    body = json.dumps(ride).replace('"PLACE"', value)

    assert fields_of(send(as_unicorn, body)) == [field]
    assert nothing_is_stored()


def test_every_bad_field_is_named_at_once(as_unicorn: APIClient) -> None:
    answer = send(as_unicorn, '{"from": 1, "to": "x", "duration": -1, "speed": 2}')

    assert sorted(fields_of(answer)) == [
        "customer",
        "distance",
        "duration",
        "fare",
        "from",
        "speed",
    ]
    assert nothing_is_stored()


def test_a_field_given_twice_is_refused_by_name(as_unicorn: APIClient, ride: Ride) -> None:
    body = json.dumps(ride).replace('"fare": 256.5', '"fare": 1, "fare": 256.5')

    assert fields_of(send(as_unicorn, body)) == ["fare"]
    assert nothing_is_stored()


@pytest.mark.parametrize("levels", [33, 5_000])
def test_a_body_that_is_too_deep_is_refused_by_name(
    as_unicorn: APIClient, ride: Ride, levels: int
) -> None:
    ride["from"] = "PLACE"
    body = json.dumps(ride).replace('"PLACE"', "[" * levels + "]" * levels)

    assert fields_of(send(as_unicorn, body)) == ["from"]
    assert nothing_is_stored()


@pytest.mark.parametrize("body", ["{", "[]", "null", '"text"', " ", "{} {}", "from=Berlin"])
def test_a_body_that_is_no_object_is_malformed(as_unicorn: APIClient, body: str) -> None:
    answer = send(as_unicorn, body)

    assert (answer.status_code, answer.json()["type"]) == (400, "/problems/malformed")
    assert nothing_is_stored()


def test_no_body_at_all_lacks_every_field(as_unicorn: APIClient) -> None:
    assert len(fields_of(send(as_unicorn, ""))) == 6


def test_a_body_that_is_too_large_is_413(as_unicorn: APIClient, ride: Ride) -> None:
    answer = as_unicorn.post(URL, {**ride, "from": "x" * 300_000}, format="json")

    assert (answer.status_code, answer.json()["type"]) == (413, "/problems/too-large")
    assert nothing_is_stored()


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "nonsense"]
)
def test_other_media_types_are_415(as_unicorn: APIClient, ride: Ride, kind: str) -> None:
    answer = as_unicorn.post(URL, json.dumps(ride).encode(), content_type=kind)

    assert (answer.status_code, answer.json()["type"]) == (415, "/problems/unsupported-media-type")
    assert nothing_is_stored()


def test_json_with_a_charset_is_json(as_unicorn: APIClient, ride: Ride) -> None:
    kind = "application/json; charset=utf-8"

    assert as_unicorn.post(URL, json.dumps(ride).encode(), content_type=kind).status_code == 201


@pytest.mark.parametrize("accept", ["text/html", "application/xml", "image/png", "nonsense"])
def test_the_answer_is_json_whatever_is_asked_for(
    as_unicorn: APIClient, ride: Ride, accept: str
) -> None:
    answer = as_unicorn.post(URL, ride, format="json", headers={"accept": accept})

    assert (answer.status_code, answer["Content-Type"]) == (201, "application/json")


@pytest.mark.parametrize("url", [URL, ALIAS, f"{URL}/batch"])
def test_customers_may_not_submit(as_customer: APIClient, ride: Ride, url: str) -> None:
    answer = as_customer.post(url, ride, format="json")

    assert (answer.status_code, answer.json()["type"]) == (403, "/problems/permission-denied")
    assert nothing_is_stored()


@pytest.mark.django_db
@pytest.mark.parametrize("url", [URL, ALIAS, f"{URL}/batch"])
def test_the_unknown_may_not_submit(ride: Ride, url: str) -> None:
    answer = APIClient().post(url, ride, format="json")

    assert (answer.status_code, answer["WWW-Authenticate"]) == (401, "Token")
    assert answer.json()["type"] == "/problems/not-authenticated"
    assert nothing_is_stored()


@pytest.mark.parametrize(
    ("method", "url", "allowed"),
    [("delete", URL, "GET, POST"), ("get", ALIAS, "POST"), ("put", f"{URL}/batch", "POST")],
)
def test_other_methods_are_405(as_unicorn: APIClient, method: str, url: str, allowed: str) -> None:
    answer = getattr(as_unicorn, method)(url)

    assert answer.status_code == 405
    assert answer["Allow"].startswith(allowed)
    assert answer.json()["type"] == "/problems/method-not-allowed"


def test_a_ride_costs_three_statements_and_a_transaction(
    ride: Ride, db: None, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    unicorn = User.objects.create(username="rarity", role="unicorn", fleet="north")
    token = issue_token(user=unicorn, now=timezone.now()).token
    client = APIClient(headers={"Authorization": f"Token {token}"})

    with django_assert_num_queries(3):  # token, message, ride
        assert client.post(URL, ride, format="json").status_code == 201


@pytest.mark.django_db(transaction=True)
def test_when_the_ride_cannot_be_stored_there_is_no_event(
    as_unicorn: APIClient, ride: Ride, monkeypatch: pytest.MonkeyPatch
) -> None:
    insert = prepared.insert

    def fail(rows: Sequence[Model]) -> None:
        if isinstance(rows[0], RideCompletion):
            raise OperationalError("the disk is full")
        insert(rows)

    monkeypatch.setattr(prepared, "insert", fail)
    answer = as_unicorn.post(URL, ride, format="json")

    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/unavailable")
    assert "disk" not in answer.content.decode()
    assert nothing_is_stored()
