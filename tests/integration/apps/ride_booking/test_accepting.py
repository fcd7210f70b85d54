"""Accepting a quote books one ride, however many try and whatever happens at the same time."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import IntegrityError, connection, connections, transaction
from django.utils import timezone
from rest_framework.test import APIClient

from apps.identity.messages import Caller
from apps.ride_booking.messages import QuotesGathered, RideBooked
from apps.ride_booking.models import Rfq, Ride, RideEvent
from apps.ride_booking.operations import accepting, requesting
from apps.ride_booking.operations.requesting import WantedRide
from tests.integration.apps.ride_booking.conftest import (
    RIDES,
    URL,
    WANTED,
    another,
    close,
    decline,
    fields_of,
    problem_of,
    quote,
    turn_back,
)
from wildrydes.models import Message, Scatter, new_id

CUSTOMER = Caller(user_id=1, role="customer", customer="cmr")


def accept(client: APIClient, rfq: str, responder: str = "north") -> Any:
    return client.post(f"{URL}/{rfq}/accept", {"responder": responder}, format="json")


def nothing_is_booked() -> bool:
    return not (Ride.objects.exists() or Message.objects.filter(type=RideBooked.TYPE).exists())


def test_an_accepted_quote_is_a_booked_ride(as_customer: APIClient, rfq: str) -> None:
    quote(rfq, "north", "30.00", unicorn="rarity")
    quote(rfq, "south", "29.00")

    answer = accept(as_customer, rfq)

    assert answer.status_code == 201, answer.content
    ride = answer.json()
    assert answer["Location"] == f"{RIDES}/{ride['id']}"
    assert ride == as_customer.get(answer["Location"]).json()
    timeline = ride.pop("timeline")
    assert ride == {
        "id": ride["id"],
        "rfq-id": rfq,
        "responder": "north",
        "unicorn": "rarity",
        "customer": "cmr",
        "from": "Frankfurt",
        "to": "Las Vegas",
        "price": "30.00",
        "currency": "EUR",
        "state": "booked",
        "ride_completion": None,
        "cancellation_fee": None,
    }
    assert [(item["event"], item["by"], item["note"]) for item in timeline] == [
        ("requested", "customer", ""),
        ("quoted", "north", "30.00 EUR"),
        ("booked", "customer", ""),
    ]
    assert [item["at"] for item in timeline] == sorted(item["at"] for item in timeline)


def test_its_event_says_what_was_booked(as_customer: APIClient, rfq: str) -> None:
    quote(rfq, "north", "30.00", unicorn="rarity")
    accept(as_customer, rfq)

    ride, message = Ride.objects.get(), Message.objects.get(type=RideBooked.TYPE)
    assert message.id == ride.message_id
    assert (message.subject, message.group_id) == (str(ride.id), str(ride.id))
    event = RideBooked.from_data(message.data)
    assert (event.ride, str(event.rfq), event.price) == (ride.id, rfq, ride.price)
    assert (event.fleet, event.unicorn) == ("north", "rarity")


def test_accepting_closes_a_request_that_is_open(as_customer: APIClient, rfq: str) -> None:
    quote(rfq, "north")
    accept(as_customer, rfq)

    assert as_customer.get(f"{URL}/{rfq}").json()["status"] == "accepted"
    scatter = Scatter.objects.get()
    assert (scatter.status, scatter.closed_because) == ("closed", "accepted")
    assert Message.objects.filter(type=QuotesGathered.TYPE).count() == 1
    assert quote(rfq, "south").late is True


def test_a_quote_can_be_accepted_after_the_close(as_customer: APIClient, rfq: str) -> None:
    quote(rfq, "north")
    close(rfq)

    assert accept(as_customer, rfq).status_code == 201
    assert Scatter.objects.get().closed_because == "deadline"


@pytest.mark.parametrize("responder", ["north", "south", "nobody"])
def test_a_second_accept_is_a_conflict(as_customer: APIClient, rfq: str, responder: str) -> None:
    quote(rfq, "north")
    quote(rfq, "south")
    ride = accept(as_customer, rfq).json()["id"]

    refused = accept(as_customer, rfq, responder)

    assert problem_of(refused) == (409, "already-accepted")
    assert refused.json()["ride"] == ride
    assert Ride.objects.count() == 1


def test_a_quote_that_has_expired_is_gone(as_customer: APIClient, rfq: str) -> None:
    past = timezone.now() - timedelta(seconds=1)
    quote(rfq, "north", expires_at=past.isoformat())

    refused = accept(as_customer, rfq)

    assert problem_of(refused) == (410, "quote-expired")
    assert refused.json()["expired_at"] == past.isoformat()
    assert nothing_is_booked()
    assert Scatter.objects.get().status == "open"


def test_a_quote_without_an_expiry_expires_in_five_minutes(
    as_customer: APIClient, rfq: str
) -> None:
    quote(rfq, "north")
    turn_back(rfq, timedelta(minutes=5))

    assert problem_of(accept(as_customer, rfq)) == (410, "quote-expired")


def test_a_quote_that_came_late_is_not_to_be_had(as_customer: APIClient, rfq: str) -> None:
    close(rfq)
    quote(rfq, "north")

    assert problem_of(accept(as_customer, rfq)) == (409, "quote-came-late")
    assert nothing_is_booked()


def test_who_has_made_no_quote_cannot_be_accepted(as_customer: APIClient, rfq: str) -> None:
    decline(rfq, "north")
    quote(rfq, "south", "-1.00")

    for responder in ("north", "south", "east", "nobody"):
        assert problem_of(accept(as_customer, rfq, responder)) == (404, "not-found")
    assert nothing_is_booked()


@pytest.mark.parametrize(
    ("body", "field"),
    [({}, "responder"), ({"responder": 7}, "responder"), ({"responder": "north", "x": 1}, "x")],
    ids=str,
)
def test_what_is_not_as_it_must_be_is_refused_by_name(
    as_customer: APIClient, rfq: str, body: dict[str, Any], field: str
) -> None:
    quote(rfq, "north")

    assert fields_of(as_customer.post(f"{URL}/{rfq}/accept", body, format="json")) == [field]
    assert nothing_is_booked()


def test_another_customer_accepts_nothing(rfq: str) -> None:
    quote(rfq, "north")
    thandi = another(role="customer", customer="thandi")
    refused = accept(thandi, rfq)

    assert problem_of(refused) == (404, "not-found")
    assert refused.json() == accept(thandi, str(new_id())).json()
    assert nothing_is_booked()


def test_staff_accept_for_a_customer_and_unicorns_for_nobody(
    as_staff: APIClient, as_unicorn: APIClient, rfq: str
) -> None:
    quote(rfq, "north")

    assert problem_of(accept(as_unicorn, rfq))[0] == 403
    assert accept(as_staff, rfq).json()["customer"] == "cmr"
    assert RideEvent.objects.get(kind="booked").by == "staff"


def test_a_unicorn_that_is_on_a_ride_is_taken(as_customer: APIClient, as_staff: APIClient) -> None:
    first, second, third = (_rfq_with_quote("rarity") for _ in range(3))
    ride = accept(as_customer, first).json()["id"]

    assert problem_of(accept(as_customer, second)) == (409, "unicorn-taken")
    assert Scatter.objects.get(id=second).status == "open"
    assert Message.objects.filter(type=RideBooked.TYPE).count() == 1

    as_staff.post(f"{RIDES}/{ride}/cancel")
    assert accept(as_customer, third).status_code == 201


def test_unicorns_of_two_fleets_may_have_one_name(as_customer: APIClient) -> None:
    rfq = _rfq_with_quote("rarity")
    other = _rfq_with_quote("rarity", fleet="south")

    assert accept(as_customer, rfq).status_code == 201
    assert accept(as_customer, other, "south").status_code == 201


def test_unicorns_that_were_not_named_are_not_the_same_one(as_customer: APIClient) -> None:
    for _ in range(2):
        assert accept(as_customer, _rfq_with_quote("")).status_code == 201


def test_the_database_refuses_what_must_not_be(as_customer: APIClient) -> None:
    accept(as_customer, _rfq_with_quote("rarity"))
    ride = Ride.objects.get()

    wrong: list[dict[str, Any]] = [
        {"id": new_id()},
        {"id": new_id(), "rfq": new_id()},
        {"price": 0},
        {"state": "cancelled"},
        {"state": "completed"},
        {"cancellation_fee": 1},
        {"ride_completion": new_id()},
    ]
    for change in wrong:
        row = Ride.objects.get(id=ride.id)
        for name, value in change.items():
            setattr(row, name, value)
        with pytest.raises(IntegrityError), transaction.atomic():
            row.save()


@pytest.mark.parametrize("table", ["rideevent", "charge"])
@pytest.mark.parametrize(
    "change", ["UPDATE ride_booking_{} SET at = now()", "DELETE FROM ride_booking_{}"]
)
def test_the_database_refuses_to_change_what_happened(db: None, table: str, change: str) -> None:
    with (
        pytest.raises(IntegrityError, match="what happened is not changed"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(change.format(table))


@pytest.mark.django_db(transaction=True)
def test_of_many_who_accept_at_once_one_books_the_ride() -> None:
    """Given quotes of three fleets, accepted by sixteen at the same moment."""
    rfq = _rfq_with_quote("rarity")
    quote(rfq, "south", "11.00")
    quote(rfq, "east", "10.00", unicorn="pinkie")

    outcomes = at_once(
        [
            lambda fleet=fleet: _accepted(rfq, fleet)
            for fleet in ("north", "south", "east", "north") * 4
        ]
    )

    assert Counter(outcomes) == {"booked": 1, "AlreadyAcceptedError": 15}
    assert Ride.objects.count() == 1
    assert Message.objects.filter(type=RideBooked.TYPE).count() == 1
    assert RideEvent.objects.count() == 3


@pytest.mark.django_db(transaction=True)
def test_of_many_who_want_one_unicorn_one_gets_it() -> None:
    rfqs = [_rfq_with_quote("rarity") for _ in range(8)]

    outcomes = at_once([lambda rfq=rfq: _accepted(rfq, "north") for rfq in rfqs])

    assert Counter(outcomes) == {"booked": 1, "UnicornTakenError": 7}
    assert Ride.objects.count() == 1
    assert Message.objects.filter(type=RideBooked.TYPE).count() == 1
    assert Scatter.objects.filter(status="closed").count() == 1


@pytest.mark.django_db(transaction=True)
def test_accepting_and_the_deadline_do_not_get_in_each_others_way() -> None:
    for _ in range(10):
        rfq = _rfq_with_quote("")
        outcomes = at_once([lambda rfq=rfq: _accepted(rfq, "north"), lambda rfq=rfq: _closed(rfq)])

        assert outcomes == ["booked", "closed"]
        assert Scatter.objects.get(id=rfq).status == "closed"
        gathered = Message.objects.filter(type=QuotesGathered.TYPE, subject=rfq)
        assert len(QuotesGathered.from_data(gathered.get().data).quotes) == 1
    assert Ride.objects.count() == 10


@pytest.mark.django_db(transaction=True)
def test_a_quote_that_comes_while_another_is_accepted_is_in_time_or_late() -> None:
    for _ in range(10):
        rfq = _rfq_with_quote("")
        outcomes = at_once(
            [lambda rfq=rfq: _accepted(rfq, "north"), lambda rfq=rfq: str(quote(rfq, "east").late)]
        )

        scatter = Scatter.objects.get(id=rfq)
        event = Message.objects.get(type=QuotesGathered.TYPE, subject=rfq).data
        counted = {item["responder"] for item in event["quotes"]}
        assert outcomes[0] == "booked"
        assert scatter.status == "closed"
        assert ("east" in counted) == (outcomes[1] == "False")


def _rfq_with_quote(unicorn: str, *, fleet: str = "north") -> str:
    wanted = WantedRide(
        origin="Frankfurt", destination="Las Vegas", customer="cmr", deadline=timedelta(minutes=1)
    )
    standing = requesting.submit_rfq(wanted=wanted, caller=CUSTOMER, now=timezone.now())
    quote(str(standing.rfq.id), fleet, "12.00", unicorn=unicorn)
    return str(standing.rfq.id)


def _accepted(rfq: str, responder: str) -> str:
    try:
        accepting.accept(rfq_id=UUID(rfq), responder=responder, caller=CUSTOMER, now=timezone.now())
    except (accepting.NotAcceptedError, Rfq.DoesNotExist) as error:
        return type(error).__name__
    return "booked"


def _closed(rfq: str) -> str:
    close(rfq)
    return "closed"


def at_once(calls: list[Callable[[], str]]) -> list[str]:
    """Make the calls at the same moment, each on a database connection of its own."""
    gate = threading.Barrier(len(calls))

    def make(call: Callable[[], str]) -> str:
        with own_connection():
            gate.wait(timeout=30)
            return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(make, calls))


@contextmanager
def own_connection() -> Iterator[None]:
    """Connect before the gate opens, and close what this thread has opened."""
    connection.ensure_connection()
    try:
        yield
    finally:
        connections.close_all()


def test_an_acceptance_that_is_sent_again_with_its_key_is_answered_with_the_ride(
    as_customer: APIClient, rfq: str
) -> None:
    quote(rfq, "north")
    url, body = f"{URL}/{rfq}/accept", {"responder": "north"}
    key = {"Idempotency-Key": "k-1"}

    first, second = (as_customer.post(url, body, format="json", headers=key) for _ in range(2))

    assert (first.status_code, second.status_code) == (201, 201)
    assert second.content == first.content
    assert as_customer.post(url, body, format="json").status_code == 409


def test_the_key_of_one_acceptance_is_refused_for_another_request(
    as_customer: APIClient, rfq: str
) -> None:
    other = as_customer.post(URL, WANTED, format="json").json()["id"]
    for id in (rfq, other):
        quote(id, "north")
    key = {"Idempotency-Key": "k-1"}
    first, second = (
        as_customer.post(f"{URL}/{id}/accept", {"responder": "north"}, format="json", headers=key)
        for id in (rfq, other)
    )
    assert (first.status_code, second.status_code) == (201, 422)
