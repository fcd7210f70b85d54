"""A ride's receipt shows what it cost, what was charged for it, and what was given back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import DatabaseError, transaction
from rest_framework.test import APIClient
from structlog.testing import capture_logs

from apps.ride_booking.models import Payment
from apps.ride_booking.subscriptions import complete_ride, record_charge
from tests.integration.apps.ride_booking.conftest import URL, quote
from wildrydes.envelope import Envelope
from wildrydes.models import new_id

Make = Callable[..., Envelope]


@pytest.fixture
def ride(as_customer: APIClient, rfq: str) -> str:
    """Return the id of a ride that `cmr` booked with the fleet `north`."""
    quote(rfq, "north", "30.00", unicorn="rarity")
    answer = as_customer.post(f"{URL}/{rfq}/accept", {"responder": "north"}, format="json")
    return str(answer.json()["id"])


def record(*events: Envelope) -> None:
    with transaction.atomic():
        record_charge(events)


def receipt(client: APIClient, ride: str) -> dict[str, Any]:
    found: dict[str, Any] = client.get(f"/api/v1/rides/{ride}/receipt").json()
    return found


def test_the_receipt_shows_charges_and_refunds(
    ride: str, as_customer: APIClient, ride_completed: Make, fare_event: Make
) -> None:
    with transaction.atomic():
        complete_ride([ride_completed(ride=ride, fare=32)])
    charged = fare_event("v1.fare.collected", ride=ride, amount=32)
    given_back = fare_event("v1.fare.refunded", ride=ride, amount=12.5)

    record(charged, given_back)
    record(given_back, charged)

    shown = receipt(as_customer, ride)
    assert [(line["kind"], line["amount"]) for line in shown["lines"]] == [
        ("fare", "32.00"),
        ("refund", "-12.50"),
    ]
    assert shown["total"] == "19.50"
    assert {(item["amount"], item["card"]) for item in shown["payments"]} == {
        ("32.00", "•••• 4242"),
        ("-12.50", "•••• 4242"),
    }
    assert shown["paid"] == "19.50"


def test_a_ride_that_is_not_paid_says_so(ride: str, as_customer: APIClient) -> None:
    shown = receipt(as_customer, ride)

    assert (shown["payments"], shown["paid"]) == ([], "0.00")


def test_what_is_about_no_ride_of_theirs_is_on_no_receipt(ride: str, fare_event: Make) -> None:
    record(fare_event("v1.fare.collected"), fare_event("v1.fare.collected", ride="of mine"))
    with capture_logs() as logs:
        record(
            fare_event("v1.fare.collected", ride=str(new_id())),
            fare_event("v1.fare.collected", ride=ride, customer="eve"),
        )

    assert not Payment.objects.exists()
    assert [entry["event"] for entry in logs] == ["payment_of_no_ride"] * 2


def test_what_was_paid_is_not_changed(ride: str, fare_event: Make) -> None:
    record(fare_event("v1.fare.collected", ride=ride))

    with pytest.raises(DatabaseError, match="what happened is not changed"), transaction.atomic():
        Payment.objects.update(amount=1)
