"""A request for quotes that was accepted is stored and asked; one that was not left nothing."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from apps.ride_booking.messages import QuotesGathered, QuotesRequested
from apps.ride_booking.models import Rfq
from tests.integration.apps.ride_booking.conftest import (
    FLEETS,
    URL,
    WANTED,
    another,
    close,
    decline,
    fields_of,
    problem_of,
    quote,
)
from wildrydes import topology
from wildrydes.models import Message, Response, Scatter, new_id

SUBMIT = "/submit-instant-ride-rfq"
QUERY = "/query-instant-ride-rfq"
NOBODYS = "01890000-0000-7000-8000-000000000000"


def nothing_is_stored() -> bool:
    return not (Rfq.objects.exists() or Message.objects.exists() or Scatter.objects.exists())


@pytest.mark.parametrize("url", [URL, SUBMIT])
def test_a_request_is_taken_in(as_customer: APIClient, url: str) -> None:
    before = timezone.now()
    answer = as_customer.post(url, WANTED, format="json")

    assert answer.status_code == 201, answer.content
    content = answer.json()
    assert list(content) == ["id", "rfq-id", "deadline_at", "status"]
    assert content["id"] == content["rfq-id"]
    assert UUID(content["id"]).version == 7
    assert content["status"] == "open"
    assert answer["Location"] == f"{URL}/{content['id']}"
    deadline = datetime.fromisoformat(content["deadline_at"])
    assert before + timedelta(seconds=10) <= deadline <= timezone.now() + timedelta(seconds=10)


def test_every_fleet_is_asked_under_the_id_of_the_request(rfq: str) -> None:
    row, message, scatter = Rfq.objects.get(), Message.objects.get(), Scatter.objects.get()

    assert {str(row.id), str(message.id), str(scatter.id)} == {rfq}
    assert (row.origin, row.destination, row.customer) == ("Frankfurt", "Las Vegas", "cmr")
    assert tuple(scatter.asked) == FLEETS
    question = QuotesRequested.from_data(message.data)
    assert (message.type, question.rfq) == ("v1.ride-quotes.requested", row.id)
    assert question.deadline_at - question.requested_at == timedelta(seconds=10)
    assert question.requested_at == row.requested_at


@pytest.mark.parametrize("seconds", [1, 1.5, 60])
def test_a_customer_says_how_long_they_wait(as_customer: APIClient, seconds: float) -> None:
    wanted = {**WANTED, "deadline_seconds": seconds}
    as_customer.post(URL, wanted, format="json")

    scatter = Scatter.objects.get()
    question = QuotesRequested.from_data(Message.objects.get().data)
    assert scatter.deadline_at - scatter.opened_at >= timedelta(seconds=seconds)
    assert question.deadline_at - question.requested_at == timedelta(seconds=seconds)


@pytest.mark.parametrize("seconds", ["0", "0.99", "60.01", "-1", '"5"', "true", "null", "1e400"])
def test_a_deadline_that_is_none_is_refused(as_customer: APIClient, seconds: str) -> None:
    body = json.dumps(WANTED)[:-1] + f', "deadline_seconds": {seconds}}}'
    answer = as_customer.post(URL, body.encode(), content_type="application/json")

    assert fields_of(answer) == ["deadline_seconds"]
    assert nothing_is_stored()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("from", ""),
        ("from", "x" * 201),
        ("to", 7),
        ("to", None),
        ("customer", "x" * 65),
        ("customer", ["cmr"]),
        ("surprise", 1),
        ("id", NOBODYS),
        ("status", "open"),
    ],
)
@pytest.mark.parametrize("url", [URL, SUBMIT])
def test_what_is_not_as_it_must_be_is_refused_by_name(
    as_customer: APIClient, url: str, field: str, value: object
) -> None:
    answer = as_customer.post(url, {**WANTED, field: value}, format="json")

    assert fields_of(answer) == [field]
    assert nothing_is_stored()


@pytest.mark.parametrize("field", WANTED)
def test_what_is_missing_is_named(as_customer: APIClient, field: str) -> None:
    wanted = {name: value for name, value in WANTED.items() if name != field}

    assert fields_of(as_customer.post(URL, wanted, format="json")) == [field]


def test_a_customer_asks_for_themselves_only(as_customer: APIClient, as_staff: APIClient) -> None:
    for_thandi = {**WANTED, "customer": "thandi"}

    assert problem_of(as_customer.post(URL, for_thandi, format="json")) == (
        403,
        "permission-denied",
    )
    assert nothing_is_stored()
    assert as_staff.post(URL, for_thandi, format="json").status_code == 201
    assert Rfq.objects.get().customer == "thandi"


def test_a_unicorn_asks_for_nobody(as_unicorn: APIClient) -> None:
    assert problem_of(as_unicorn.post(URL, WANTED, format="json"))[0] == 403


@pytest.mark.django_db
@pytest.mark.parametrize(
    "path", [URL, f"{URL}/{NOBODYS}", f"{URL}/{NOBODYS}/stream", "/api/v1/rides"]
)
def test_the_unknown_see_nothing(path: str) -> None:
    assert problem_of(APIClient().get(path)) == (401, "not-authenticated")


@pytest.mark.parametrize("url", [URL, QUERY])
def test_a_request_is_shown_with_its_quotes_cheapest_first(
    as_customer: APIClient, rfq: str, url: str
) -> None:
    quote(rfq, "north", "30.00")
    quote(rfq, "east", "9.5")

    content = as_customer.get(f"{url}/{rfq}").json()

    at = [item.pop("received_at") for item in content["quotes"]]
    assert all(moment.endswith("Z") for moment in at)
    assert content == {
        "id": rfq,
        "rfq-id": rfq,
        "from": "Frankfurt",
        "to": "Las Vegas",
        "customer": "cmr",
        "status": "open",
        "deadline_at": content["deadline_at"],
        "quotes": [
            {"responder": "east", "quote": "9.50", "late": False},
            {"responder": "north", "quote": "30.00", "late": False},
        ],
    }


def test_only_a_quote_is_a_quote(as_customer: APIClient, rfq: str) -> None:
    """Given one fleet that declines, one that lies, and one that says nothing."""
    decline(rfq, "north")
    lie = quote(rfq, "south", "-3.00")
    assert (lie.outcome, lie.reason) == ("failed", "quote: this is no amount such as 12.50")
    close(rfq)

    content = as_customer.get(f"{URL}/{rfq}").json()

    assert (content["status"], content["quotes"]) == ("closed", [])
    outcomes = dict(Response.objects.values_list("responder", "outcome"))
    assert outcomes == {"north": "declined", "south": "failed", "east": "timed_out"}


def test_a_quote_that_comes_after_the_close_is_kept_and_marked(
    as_customer: APIClient, rfq: str
) -> None:
    quote(rfq, "north", "30.00")
    close(rfq)
    quote(rfq, "south", "9.00")

    quotes = as_customer.get(f"{URL}/{rfq}").json()["quotes"]

    assert [(item["responder"], item["late"]) for item in quotes] == [
        ("south", True),
        ("north", False),
    ]


def test_when_all_have_answered_the_request_is_closed_and_said_so(
    as_customer: APIClient, rfq: str
) -> None:
    quote(rfq, "north", "30.00")
    quote(rfq, "south", "9.00")
    decline(rfq, "east")

    assert as_customer.get(f"{URL}/{rfq}").json()["status"] == "closed"
    message = Message.objects.get(type=QuotesGathered.TYPE)
    gathered = QuotesGathered.from_data(message.data)
    assert (str(gathered.rfq), gathered.customer) == (rfq, "cmr")
    assert gathered.closed_because == "completed"
    assert [(item.responder, str(item.quote)) for item in gathered.quotes] == [
        ("south", "9.00"),
        ("north", "30.00"),
    ]


def test_where_nobody_can_be_asked_the_request_is_closed_at_once(
    as_customer: APIClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = topology.current()
    without = [entry for entry in ours.subscriptions if not entry.answers_to]
    alone = type(ours)(
        topics=ours.topics, queues=ours.queues, subscriptions=tuple(without), workers=ours.workers
    )
    monkeypatch.setattr(topology, "current", lambda: alone)

    answer = as_customer.post(URL, WANTED, format="json")

    assert answer.json()["status"] == "closed"
    assert as_customer.get(answer["Location"]).json()["status"] == "closed"


@pytest.mark.parametrize(
    ("caller", "seen"),
    [
        ({"role": "staff"}, True),
        ({"role": "unicorn", "fleet": "north"}, True),
        ({"role": "unicorn", "fleet": "west"}, False),
        ({"role": "customer", "customer": "thandi"}, False),
    ],
    ids=str,
)
@pytest.mark.parametrize("path", [URL + "/{}", QUERY + "/{}", URL + "/{}/stream"])
def test_everyone_sees_what_is_theirs_to_see(
    rfq: str, caller: dict[str, str], seen: bool, path: str
) -> None:
    client = another(**caller)
    answer = client.get(path.format(rfq))

    assert answer.status_code == (200 if seen else 404)
    if not seen:
        assert answer.json() == client.get(path.format(new_id())).json()


def test_a_unicorn_does_not_see_what_other_fleets_would_take(rfq: str) -> None:
    quote(rfq, "north", "30.00")
    quote(rfq, "south", "9.00")

    unicorn = another(role="unicorn", fleet="north")

    quotes = unicorn.get(f"{URL}/{rfq}").json()["quotes"]
    assert [item["responder"] for item in quotes] == ["north"]
    assert b"south" not in unicorn.get(f"{URL}/{rfq}/stream").content


@pytest.mark.parametrize(
    "query", ["wait=-1", "wait=1_0", "wait=x", "wait=", "wait=nan", "wait=inf"]
)
@pytest.mark.parametrize("url", [URL, QUERY])
def test_a_wait_that_is_none_is_refused(
    as_customer: APIClient, rfq: str, query: str, url: str
) -> None:
    assert fields_of(as_customer.get(f"{url}/{rfq}?{query}")) == ["wait"]


@pytest.mark.parametrize(
    ("wait", "held"), [("0", ""), ("0.5", "0.500"), ("60", "60.000"), ("3600", "60.000")]
)
def test_an_answer_that_may_be_held_says_so(
    as_customer: APIClient, rfq: str, wait: str, held: str
) -> None:
    assert as_customer.get(f"{URL}/{rfq}?wait={wait}").get("X-Live", "") == held
    close(rfq)
    assert "X-Live" not in as_customer.get(f"{URL}/{rfq}?wait={wait}")


def test_the_list_is_newest_first_and_paged(as_customer: APIClient) -> None:
    ids = [as_customer.post(URL, WANTED, format="json").json()["id"] for _ in range(3)]
    quote(ids[0], "north")

    first = as_customer.get(f"{URL}?limit=2").json()
    second = as_customer.get(first["next"]).json()

    assert [row["id"] for row in first["results"] + second["results"]] == ids[::-1]
    assert second["next"] is None
    assert len(second["results"][0]["quotes"]) == 1


def test_a_unicorn_sees_the_open_requests_that_its_fleet_was_asked(
    as_customer: APIClient,
) -> None:
    ids = [as_customer.post(URL, WANTED, format="json").json()["id"] for _ in range(2)]
    close(ids[0])

    def listed(client: APIClient, status: str) -> list[str]:
        return [row["id"] for row in client.get(f"{URL}?status={status}").json()["results"]]

    north = another(role="unicorn", fleet="north")
    assert listed(north, "open") == [ids[1]]
    assert listed(north, "closed") == [ids[0]]
    north.handler._force_user.fleet = "west"
    assert listed(north, "open") == []


@pytest.mark.parametrize("query", ["status=x", "status=accepted", "limit=0", "before=7"])
def test_a_list_that_is_none_is_refused_by_name(as_customer: APIClient, query: str) -> None:
    assert fields_of(as_customer.get(f"{URL}?{query}")) == [query.partition("=")[0]]


def test_a_list_takes_a_fixed_number_of_statements(
    as_customer: APIClient, django_assert_num_queries: Any
) -> None:
    for _ in range(5):
        quote(as_customer.post(URL, WANTED, format="json").json()["id"], "north")

    with django_assert_num_queries(4):
        assert len(as_customer.get(URL).json()["results"]) == 5


def test_a_stream_tells_what_came_in_time_and_the_close(as_customer: APIClient, rfq: str) -> None:
    def read(last_event_id: str = "") -> list[str]:
        answer = as_customer.get(
            f"{URL}/{rfq}/stream", headers={"Last-Event-ID": last_event_id} if last_event_id else {}
        )
        return re.findall(r"^(?:id|event): (.+)$", answer.content.decode(), re.MULTILINE)

    quote(rfq, "south", "9.00")
    quote(rfq, "north", "30.00")
    assert read() == ["2", "quote", "3", "quote"]
    assert read("2") == ["3", "quote"]
    close(rfq)
    quote(rfq, "east", "7.00")
    assert read("3") == ["b", "closed"]
    assert read("b") == []


def test_a_stream_that_may_go_on_says_so_and_one_that_is_over_is_over(
    as_customer: APIClient, rfq: str
) -> None:
    assert as_customer.get(f"{URL}/{rfq}/stream")["X-Live"] == "stream"
    close(rfq)
    ended = as_customer.get(f"{URL}/{rfq}/stream")
    assert (ended.status_code, ended.get("X-Live")) == (200, None)
    again = as_customer.get(f"{URL}/{rfq}/stream", headers={"Last-Event-ID": "8"})
    assert again.status_code == 204


def test_the_close_is_told_with_the_whole_request(as_customer: APIClient, rfq: str) -> None:
    quote(rfq, "north")
    close(rfq)

    body = as_customer.get(f"{URL}/{rfq}/stream").content.decode()
    told = json.loads(body.rpartition("data: ")[2])
    assert told == as_customer.get(f"{URL}/{rfq}").json()


def test_a_request_that_is_sent_again_with_its_key_asks_the_fleets_once(
    as_customer: APIClient,
) -> None:
    key = {"Idempotency-Key": "k-1"}
    first, second = (as_customer.post(URL, WANTED, format="json", headers=key) for _ in range(2))
    assert (second.status_code, second.content) == (201, first.content)
    assert second["Location"] == first["Location"]
    assert Rfq.objects.count() == 1
