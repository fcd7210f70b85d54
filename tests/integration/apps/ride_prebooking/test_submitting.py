"""A prebooking that was accepted is one committed message; one that was not left nothing."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from rest_framework.test import APIClient

from apps.ride_prebooking.models import Prebooking
from wildrydes.models import Message, new_id

from ..conftest import client_of
from .conftest import URL, Workers, at, campaign, moment, prebook, wanted

SUBMIT = "/submit-ride-prebooking"
CAMPAIGNS = "/api/v1/campaigns"


def fields_of(answer: Any) -> list[str]:
    assert answer.status_code == 400, answer.content
    assert answer["Content-Type"] == "application/problem+json"
    return [error["field"] for error in answer.json()["errors"]]


@pytest.mark.parametrize("url", [URL, SUBMIT])
def test_a_prebooking_is_taken_in(as_customer: APIClient, url: str) -> None:
    answer = as_customer.post(url, wanted(), format="json")

    assert answer.status_code == 202, answer.content
    content = answer.json()
    assert list(content) == ["id", "status"]
    assert UUID(content["id"]).version == 7
    assert content["status"] == "accepted"
    assert answer["Location"] == f"{URL}/{content['id']}"


def test_it_is_one_message_and_nothing_else(as_customer: APIClient) -> None:
    body = wanted(campaign="spring", price_limit="60.00")
    answer = as_customer.post(URL, body, format="json")

    message = Message.objects.get()
    assert (message.type, message.kind) == ("v1.ride-prebooking.submit", "command")
    assert str(message.id) == message.subject == answer.json()["id"]
    assert message.data == {
        **body,
        "prebooking": answer.json()["id"],
        "when": moment(body["when"]).isoformat(),
        "price_limit": 60,
    }
    assert not Prebooking.objects.exists()


def test_accepting_costs_one_statement_and_its_transaction(
    as_customer: APIClient, django_assert_num_queries: Any
) -> None:
    """Given a burst, nothing but the message's own insert may stand in its way."""
    with django_assert_num_queries(1):
        as_customer.post(URL, wanted(campaign="spring"), format="json")

    assert Message.objects.count() == 1


def test_what_is_accepted_is_shown_at_once(as_customer: APIClient) -> None:
    body = wanted(campaign="spring", price_limit=60)
    answer = as_customer.post(URL, body, format="json")

    shown = as_customer.get(answer["Location"])

    assert shown.status_code == 200
    content = shown.json()
    assert moment(content.pop("when")) == moment(body["when"])
    assert content.pop("accepted_at").endswith("Z")
    assert content == {
        "id": answer.json()["id"],
        "status": "accepted",
        "reason": "",
        "explanation": "",
        "from": "Cape Town",
        "to": "Paarl",
        "customer": "cmr",
        "campaign": "spring",
        "discount_percent": 0,
        "price_limit": "60.00",
        "decided_at": None,
        "due_at": None,
        "rfq": None,
        "ride": None,
    }


@pytest.mark.parametrize("is_stored", [False, True])
@pytest.mark.django_db(transaction=True)
def test_whose_prebooking_it_is_not_sees_none(workers: Workers, is_stored: bool) -> None:
    mine = prebook(customer="cmr")
    if is_stored:
        workers.run()

    def status(**caller: str) -> int:
        return client_of(**caller).get(f"{URL}/{mine}").status_code

    assert status(role="customer", customer="thandi") == 404
    assert status(role="unicorn", fleet="north") == 404
    assert status(role="staff") == 200


def test_what_nobody_prebooked_is_not_found(as_staff: APIClient) -> None:
    assert as_staff.get(f"{URL}/{new_id()}").status_code == 404


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("from", ""),
        ("to", 7),
        ("to", "x" * 201),
        ("customer", "x" * 65),
        ("when", "tomorrow"),
        ("when", 7),
        ("when", "2999-01-01T00:00:00"),
        ("when", "2999-01-01"),
        ("when", "9999-12-31T23:59:59-14:00"),
        ("when", "0001-01-01T00:00:00+14:00"),
        ("when", "2020-01-01T00:00:00Z"),
        ("when", "29990101T120000Z"),
        ("when", "2999-01-01T12Z"),
        ("when", "2999-01-01T12:00:00,5Z"),
        ("when", "2999-01-01T12:00:00+00:00:30"),
        ("campaign", ""),
        ("campaign", 7),
        ("price_limit", "-1"),
        ("price_limit", 0),
        ("price_limit", "1.001"),
        ("surprise", 1),
    ],
)
@pytest.mark.parametrize("url", [URL, SUBMIT])
def test_what_is_not_as_it_must_be_is_refused_by_name(
    as_customer: APIClient, url: str, field: str, value: object
) -> None:
    answer = as_customer.post(url, wanted() | {field: value}, format="json")

    assert fields_of(answer) == [field]
    assert not Message.objects.exists()


@pytest.mark.parametrize("field", ["from", "to", "when", "customer"])
def test_what_is_missing_is_named(as_customer: APIClient, field: str) -> None:
    body = {name: value for name, value in wanted().items() if name != field}

    assert fields_of(as_customer.post(URL, body, format="json")) == [field]


def test_a_customer_prebooks_for_themselves_only(
    as_customer: APIClient, as_staff: APIClient, as_unicorn: APIClient
) -> None:
    for_thandi = wanted(customer="thandi")

    assert as_customer.post(URL, for_thandi, format="json").status_code == 403
    assert as_unicorn.post(URL, for_thandi, format="json").status_code == 403
    assert not Message.objects.exists()
    assert as_staff.post(URL, for_thandi, format="json").status_code == 202


@pytest.mark.parametrize("method", ["get", "post"])
def test_the_unknown_do_nothing(db: None, method: str) -> None:
    assert getattr(APIClient(), method)(URL).status_code == 401


def test_the_list_is_newest_first_and_paged(workers: Workers) -> None:
    ids = [str(prebook(hours=24 + n)) for n in range(3)]
    prebook(customer="thandi")
    workers.run()
    customer = client_of(role="customer", customer="cmr")

    first = customer.get(URL, {"limit": 2}).json()
    second = customer.get(first["next"]).json()

    assert [row["id"] for row in first["results"]] == [ids[2], ids[1]]
    assert [row["id"] for row in second["results"]] == [ids[0]]
    assert second["next"] is None


def test_the_list_can_be_narrowed(workers: Workers) -> None:
    prebook()
    prebook(hours=24.1)
    prebook(customer="thandi")
    workers.run()
    staff = client_of(role="staff")

    def listed(**query: str) -> list[tuple[str, str]]:
        rows = staff.get(URL, query).json()["results"]
        return [(row["customer"], row["status"]) for row in rows]

    assert listed() == [("thandi", "confirmed"), ("cmr", "rejected"), ("cmr", "confirmed")]
    assert listed(status="rejected") == [("cmr", "rejected")]
    assert listed(customer="thandi") == [("thandi", "confirmed")]
    assert fields_of(staff.get(URL, {"status": "x"})) == ["status"]


def test_a_customer_sees_no_others_by_asking_for_them(workers: Workers) -> None:
    prebook(customer="thandi")
    workers.run()

    answer = client_of(role="customer", customer="cmr").get(URL, {"customer": "thandi"})

    assert answer.json()["results"] == []


def test_a_campaign_says_how_many_places_are_left(workers: Workers) -> None:
    row = campaign("spring", capacity=3)
    prebook(campaign="spring")
    workers.run()
    customer = client_of(role="customer", customer="cmr")

    content = customer.get(f"{CAMPAIGNS}/spring").json()

    window = content.pop("starts_at"), content.pop("ends_at")
    assert [moment(text) for text in window] == [row.starts_at, row.ends_at]
    assert content == {
        "code": "spring",
        "name": "Spring in the winelands",
        "capacity": 3,
        "remaining": 2,
        "discount_percent": 25,
    }
    assert customer.get(f"{CAMPAIGNS}/winter").status_code == 404
    assert APIClient().get(f"{CAMPAIGNS}/spring").status_code == 401


def test_a_time_far_ahead_is_a_matter_of_the_rules_not_of_the_form(
    as_customer: APIClient,
) -> None:
    answer = as_customer.post(URL, wanted(when="9999-12-31T23:59:59Z"), format="json")

    assert answer.status_code == 202
    assert as_customer.post(URL, wanted(when=at(days=-1)), format="json").status_code == 400
