"""A batch keeps what is good of it and says what is wrong with the rest, item by item."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from django.db import IntegrityError
from django.db.models import Model
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from apps.unicorn_management import queries
from apps.unicorn_management.models import RideCompletion
from wildrydes import prepared
from wildrydes.models import Message

URL = "/api/v1/ride-completions/batch"

Ride = dict[str, Any]


def post(client: APIClient, items: Any) -> Any:
    return client.post(URL, {"items": items}, format="json")


def test_the_results_are_in_order(as_unicorn: APIClient, ride: Ride) -> None:
    answer = post(as_unicorn, [{**ride, "distance": n} for n in range(3)])

    assert (answer.status_code, answer["Location"]) == (201, "/api/v1/ride-completions")
    ids = [result["id"] for result in answer.json()["results"]]
    rows = {str(row.id): row.distance_km for row in RideCompletion.objects.all()}
    assert [rows[id] for id in ids] == [0, 1, 2]
    assert as_unicorn.get(answer["Location"]).status_code == 200


def test_each_ride_has_its_own_event(as_unicorn: APIClient, ride: Ride) -> None:
    post(as_unicorn, [ride, ride])

    spoken_of = {row.message_id: str(row.id) for row in RideCompletion.objects.all()}
    assert spoken_of == {message.id: message.subject for message in Message.objects.all()}


def test_good_items_are_kept_when_others_are_bad(as_unicorn: APIClient, ride: Ride) -> None:
    without_fare = {name: value for name, value in ride.items() if name != "fare"}
    bad = [{**ride, "distance": -1}, without_fare, {**ride, "tip": 1}, None, 7, [], "ride"]
    answer = post(as_unicorn, [ride, *bad, ride])

    assert answer.status_code == 201
    first, *errors, last = answer.json()["results"]
    assert list(first) == list(last) == ["id"]
    assert [[error["field"] for error in result["errors"]] for result in errors] == [
        ["distance"],
        ["fare"],
        ["tip"],
        ["items[4]"],
        ["items[5]"],
        ["items[6]"],
        ["items[7]"],
    ]
    assert RideCompletion.objects.count() == Message.objects.count() == 2


def test_an_item_that_gives_a_field_twice_is_bad_alone(as_unicorn: APIClient, ride: Ride) -> None:
    good = json.dumps(ride)
    twice = good.replace('"from"', '"from": "Bonn", "from"')
    body = f'{{"items": [{good}, {twice}]}}'.encode()
    answer = as_unicorn.post(URL, body, content_type="application/json")

    kept, refused = answer.json()["results"]
    assert list(kept) == ["id"]
    assert [error["field"] for error in refused["errors"]] == ["from"]


def test_when_all_items_are_bad_nothing_is_stored(as_unicorn: APIClient) -> None:
    answer = post(as_unicorn, [{}, {}])

    assert answer.status_code == 201
    assert all(len(result["errors"]) == 6 for result in answer.json()["results"])
    assert not Message.objects.exists()


def test_a_full_batch_is_taken_in_few_statements(
    as_unicorn: APIClient, ride: Ride, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(2):  # messages, rides
        answer = post(as_unicorn, [ride] * 500)

    assert len(answer.json()["results"]) == 500
    assert RideCompletion.objects.count() == 500


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"items": None},
        {"items": []},
        {"items": {}},
        {"items": "x"},
        {"items": 1},
        {"items": [{}] * 501},
    ],
    ids=str,
)
def test_a_batch_of_the_wrong_shape_is_refused(as_unicorn: APIClient, body: Any) -> None:
    answer = as_unicorn.post(URL, body, format="json")

    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == ["items"]


def test_unknown_fields_beside_the_items_are_refused(as_unicorn: APIClient, ride: Ride) -> None:
    answer = as_unicorn.post(URL, {"items": [ride], "dry_run": True}, format="json")

    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == ["dry_run"]
    assert not RideCompletion.objects.exists()


def test_a_ride_that_is_completed_already_is_an_error_of_its_item(
    as_unicorn: APIClient, ride: Ride
) -> None:
    (first,) = post(as_unicorn, [{**ride, "ride": "r-1"}]).json()["results"]
    answer = post(as_unicorn, [{**ride, "ride": name} for name in ("r-1", "r-2", "r-2")])

    old, new, twin = answer.json()["results"]
    assert old["errors"][0]["field"] == twin["errors"][0]["field"] == "ride"
    assert first["id"] in old["errors"][0]["message"]
    assert list(new) == ["id"]
    assert RideCompletion.objects.count() == Message.objects.count() == 2


def test_a_race_for_a_ride_is_lost_by_its_item_alone(
    as_unicorn: APIClient, ride: Ride, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a ride that another caller completes after we have looked."""
    post(as_unicorn, [{**ride, "ride": "r-1"}])
    look, looks = queries.completions_of, iter([False, True])
    monkeypatch.setattr(
        queries, "completions_of", lambda *, rides: look(rides=rides) if next(looks) else {}
    )

    answer = post(as_unicorn, [{**ride, "ride": "r-1"}, ride])

    lost, kept = answer.json()["results"]
    assert lost["errors"][0]["field"] == "ride"
    assert list(kept) == ["id"]
    assert RideCompletion.objects.count() == Message.objects.count() == 2


def test_another_constraint_is_not_taken_for_a_race(
    as_unicorn: APIClient, ride: Ride, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(rows: Sequence[Model]) -> None:
        raise IntegrityError("some other constraint")

    monkeypatch.setattr(prepared, "insert", fail)
    with pytest.raises(IntegrityError, match="some other"):
        post(as_unicorn, [ride])
