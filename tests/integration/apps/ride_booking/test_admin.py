"""Operators see who was asked, what each said and after how long, and how a ride went."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from rest_framework.test import APIClient

from apps.identity.models import User
from apps.ride_booking import overviews
from apps.ride_booking.models import Rfq, Ride
from tests.integration.apps.ride_booking.conftest import RIDES, URL, close, decline, quote

RFQ_LIST = "/admin/ride_booking/rfq/"
RIDE_LIST = "/admin/ride_booking/ride/"


@pytest.fixture
def operator(db: None) -> Client:
    """Return the browser of an operator."""
    client = Client()
    client.force_login(User.objects.create_superuser(username="operator"))
    return client


@pytest.fixture
def ride(as_customer: APIClient, rfq: str) -> str:
    """Return the id of a ride of `cmr`: north was accepted, south declined, east came late."""
    quote(rfq, "north", "30.00", unicorn="rarity")
    decline(rfq, "south")
    answer = as_customer.post(f"{URL}/{rfq}/accept", {"responder": "north"}, format="json")
    quote(rfq, "east", "9.00")
    return str(answer.json()["id"])


def text_of(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def test_a_request_shows_what_every_fleet_has_said(operator: Client, ride: str, rfq: str) -> None:
    page = operator.get(f"{RFQ_LIST}{rfq}/change/")

    assert page.status_code == 200
    text = text_of(page.content.decode())
    assert "(accepted)" in text
    assert re.search(r"north answered 30.00 EUR \d+ accepted", text)
    assert re.search(r"south declined \d+ too far", text)
    assert re.search(r"east answered 9.00 EUR \d+ late", text)


def test_a_request_that_is_open_shows_who_is_awaited(operator: Client, rfq: str) -> None:
    rows = overviews.responders(Rfq.objects.get())

    assert [(row.responder, row.outcome, row.after_ms) for row in rows] == [
        ("north", "awaited", ""),
        ("south", "awaited", ""),
        ("east", "awaited", ""),
    ]
    assert overviews.closed(Rfq.objects.get()) == ""
    close(rfq)
    assert overviews.closed(Rfq.objects.get()).endswith("(deadline)")
    assert {row.outcome for row in overviews.responders(Rfq.objects.get())} == {"timed_out"}


def test_a_ride_shows_all_from_the_request_to_the_receipt(
    operator: Client, as_staff: APIClient, ride: str
) -> None:
    as_staff.post(f"{RIDES}/{ride}/start")
    as_staff.post(f"{RIDES}/{ride}/cancel")

    assert [entry.what for entry in overviews.story(Ride.objects.get())] == [
        "Requested",
        "Quoted",
        "Booked",
        "Started",
        "Cancelled",
    ]
    page = operator.get(f"{RIDE_LIST}{ride}/change/")
    assert page.status_code == 200
    assert "Quoted" in page.content.decode()


@pytest.mark.parametrize("address", [RFQ_LIST, RIDE_LIST])
def test_lists_are_searched_by_whole_values(operator: Client, ride: str, address: str) -> None:
    def found(term: str) -> int:
        count: int = operator.get(address, {"q": term}).context["cl"].result_count
        return count

    own_id = str(Rfq.objects.get().id) if address == RFQ_LIST else ride
    assert [found(term) for term in ("cmr", own_id, "cm", "CMR")] == [1, 1, 0, 0]


def test_a_list_shows_status_and_winner(operator: Client, ride: str) -> None:
    text = text_of(operator.get(RFQ_LIST).content.decode())

    assert "accepted north" in text


@pytest.mark.parametrize("address", [RFQ_LIST, RIDE_LIST])
def test_nothing_can_be_changed(operator: Client, ride: str, address: str) -> None:
    own_id = str(Rfq.objects.get().id) if address == RFQ_LIST else ride

    assert operator.get(f"{address}add/").status_code == 403
    assert operator.post(f"{address}{own_id}/change/", {"customer": "x"}).status_code == 403
    assert operator.post(f"{address}{own_id}/delete/", {"post": "yes"}).status_code == 403
