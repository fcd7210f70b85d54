"""A fleet answers by itself: once, in time, and only what it was asked."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from apps.ride_booking.offers import Offer
from tests.integration.apps.ride_booking.conftest import (
    URL,
    another,
    close,
    fields_of,
    problem_of,
    quote,
)
from wildrydes.models import Response, new_id

NORTH = {"role": "unicorn", "fleet": "north"}


def answer(client: APIClient, rfq: str, **body: Any) -> Any:
    return client.post(f"{URL}/{rfq}/quotes", body, format="json")


def test_a_quote_is_stored_and_shown(as_unicorn: APIClient, rfq: str) -> None:
    stored = answer(as_unicorn, rfq, quote="12.5")

    assert stored.status_code == 201
    content = stored.json()
    assert content.pop("received_at").endswith("Z")
    assert content == {
        "responder": "north",
        "outcome": "answered",
        "quote": "12.50",
        "late": False,
    }
    assert stored["Location"] == f"{URL}/{rfq}"
    (shown,) = as_unicorn.get(stored["Location"]).json()["quotes"]
    assert (shown["responder"], shown["quote"]) == ("north", "12.50")


def test_a_quote_may_name_a_unicorn_and_say_until_when_it_is_valid(
    as_unicorn: APIClient, rfq: str
) -> None:
    until = timezone.now() + timedelta(hours=1)
    assert answer(as_unicorn, rfq, quote=7, unicorn="rarity", expires_at=until.isoformat()).json()

    row = Response.objects.get()
    offer = Offer.of(row.data, received_at=row.received_at)
    assert (str(offer.quote), offer.currency, offer.unicorn) == ("7.00", "EUR", "rarity")
    assert offer.expires_at == until


def test_a_fleet_may_decline(as_unicorn: APIClient, rfq: str) -> None:
    content = answer(as_unicorn, rfq, decline=True).json()

    assert (content["outcome"], content["quote"]) == ("declined", None)
    assert as_unicorn.get(f"{URL}/{rfq}").json()["quotes"] == []


@pytest.mark.parametrize(
    "body", [{"quote": "12.50"}, {"quote": 7, "unicorn": "rarity"}, {"decline": True}], ids=str
)
def test_saying_the_same_again_changes_nothing(
    as_unicorn: APIClient, rfq: str, body: dict[str, Any]
) -> None:
    first = answer(as_unicorn, rfq, **body)
    again = answer(as_unicorn, rfq, **body)

    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert Response.objects.count() == 1


@pytest.mark.parametrize(
    "body",
    [{"quote": "12.51"}, {"quote": "12.50", "unicorn": "rarity"}, {"decline": True}],
    ids=str,
)
def test_another_answer_is_a_conflict(
    as_unicorn: APIClient, rfq: str, body: dict[str, Any]
) -> None:
    answer(as_unicorn, rfq, quote="12.50")
    refused = answer(as_unicorn, rfq, **body)

    assert problem_of(refused) == (409, "answered-otherwise")
    assert refused.json()["answer"]["quote"] == "12.50"
    assert Response.objects.get().data["quote"] == "12.50"


def test_a_colleague_answers_for_the_same_fleet(as_unicorn: APIClient, rfq: str) -> None:
    answer(as_unicorn, rfq, quote="12.50")

    assert problem_of(answer(another(**NORTH), rfq, quote="13.00"))[0] == 409


def test_after_the_close_it_is_a_conflict_and_kept_as_late(as_unicorn: APIClient, rfq: str) -> None:
    close(rfq)

    for _ in range(2):
        refused = answer(as_unicorn, rfq, quote="12.50")
        assert problem_of(refused) == (409, "rfq-closed")
        assert refused.json()["answer"]["late"] is True

    (shown,) = as_unicorn.get(f"{URL}/{rfq}").json()["quotes"]
    assert (shown["quote"], shown["late"]) == ("12.50", True)


def test_the_last_answer_closes_the_request(as_unicorn: APIClient, rfq: str) -> None:
    quote(rfq, "south")
    quote(rfq, "east")

    assert answer(as_unicorn, rfq, quote="12.50").json()["late"] is False
    assert as_unicorn.get(f"{URL}/{rfq}").json()["status"] == "closed"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "quote"),
        ({"quote": "0"}, "quote"),
        ({"quote": "-1"}, "quote"),
        ({"quote": 0}, "quote"),
        ({"quote": "1000000.01"}, "quote"),
        ({"quote": "12.505"}, "quote"),
        ({"quote": None}, "quote"),
        ({"quote": "cheap"}, "quote"),
        ({"quote": True}, "quote"),
        ({"quote": "1", "unicorn": ""}, "unicorn"),
        ({"quote": "1", "unicorn": "x" * 65}, "unicorn"),
        ({"quote": "1", "unicorn": "a\nb"}, "unicorn"),
        ({"quote": "1", "expires_at": "soon"}, "expires_at"),
        ({"quote": "1", "expires_at": "2026-03-01T12:00:00"}, "expires_at"),
        ({"quote": "1", "expires_at": 7}, "expires_at"),
        ({"quote": "1", "expires_at": "2126-W01-1T12:00:00Z"}, "expires_at"),
        ({"quote": "1", "responder": "south"}, "responder"),
        ({"decline": False}, "decline"),
        ({"decline": "true"}, "decline"),
        ({"decline": True, "quote": "1"}, "quote"),
    ],
    ids=str,
)
def test_what_is_not_as_it_must_be_is_refused_by_name(
    as_unicorn: APIClient, rfq: str, body: dict[str, Any], field: str
) -> None:
    assert fields_of(answer(as_unicorn, rfq, **body)) == [field]
    assert not Response.objects.exists()


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "multipart/form-data"])
def test_no_body_says_nothing_whatever_type_it_has(
    as_unicorn: APIClient, rfq: str, kind: str
) -> None:
    refused = as_unicorn.post(f"{URL}/{rfq}/quotes", b"", content_type=kind)
    assert fields_of(refused) == ["quote"]


def test_a_fleet_that_was_not_asked_learns_nothing(rfq: str) -> None:
    west = another(role="unicorn", fleet="west")
    refused = answer(west, rfq, quote="12.50")

    assert problem_of(refused) == (404, "not-found")
    assert refused.json() == answer(west, str(new_id()), quote="12.50").json()
    assert not Response.objects.exists()


def test_only_unicorns_answer(as_customer: APIClient, as_staff: APIClient, rfq: str) -> None:
    for client in (as_customer, as_staff):
        assert problem_of(answer(client, rfq, quote="12.50")) == (403, "permission-denied")


def test_a_time_of_receipt_is_the_database_s(as_unicorn: APIClient, rfq: str) -> None:
    content = answer(as_unicorn, rfq, quote="12.50").json()

    received_at = Response.objects.get().received_at
    assert datetime.fromisoformat(content["received_at"]) == received_at


def test_a_late_answer_with_a_key_is_kept_as_late_and_refused_the_same_again(
    as_unicorn: APIClient, rfq: str
) -> None:
    close(rfq)
    key = {"Idempotency-Key": "k-1"}
    body = {"quote": "12.50"}

    first, second = (
        as_unicorn.post(f"{URL}/{rfq}/quotes", body, format="json", headers=key) for _ in range(2)
    )

    assert problem_of(first) == problem_of(second) == (409, "rfq-closed")
    assert second["Idempotency-Replayed"] == "true"
    assert Response.objects.get(responder="north").late
