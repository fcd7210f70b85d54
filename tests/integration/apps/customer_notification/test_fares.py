"""A customer is told what became of a fare, and staff of one that needs them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.core import mail
from django.utils import timezone
from pytest_django import Settings
from rest_framework.test import APIClient

from apps.customer_notification import operations
from apps.customer_notification.models import Notification
from apps.customer_notification.subscriptions import record_contact, tell_of_fares
from wildrydes.envelope import Envelope
from wildrydes.models import Message, new_id

pytestmark = pytest.mark.django_db

Make = Callable[..., Envelope]


def told() -> tuple[str, str]:
    row = Notification.objects.get()
    return row.subject, row.body


def test_of_a_fare_that_was_collected(fare_event: Make) -> None:
    tell_of_fares([fare_event("v1.fare.collected")])

    subject, body = told()
    assert subject == "Paid: your ride from Berlin to Frankfurt"
    assert "We have charged 256.50 EUR to your card •••• 4242." in body


def test_that_a_free_ride_costs_nothing(fare_event: Make) -> None:
    tell_of_fares([fare_event("v1.fare.collected", amount=0, card="")])

    assert "There is nothing to pay." in told()[1]


@pytest.mark.parametrize(
    ("given_back", "text"),
    [(True, "What was charged has been given back."), (False, "Nothing was charged.")],
)
def test_of_a_fare_that_was_not_collected_and_why(
    given_back: bool, text: str, fare_event: Make
) -> None:
    tell_of_fares([fare_event("v1.fare.failed", given_back=given_back)])

    subject, body = told()
    assert subject == "Not paid: your ride from Berlin to Frankfurt"
    assert "the account of cmr is closed" in body
    assert text in body


def test_of_each_refund_once(fare_event: Make) -> None:
    collection = str(new_id())
    first, second = (fare_event("v1.fare.refunded", collection=collection) for _ in range(2))

    tell_of_fares([first, second])
    tell_of_fares([first])

    assert Notification.objects.filter(kind="fare_refunded").count() == 2
    body = Notification.objects.first().body  # type: ignore[union-attr]
    assert "We have given 256.50 EUR back to your card •••• 4242." in body


def test_staff_are_told_of_a_stuck_fare_in_the_admin_and_by_e_mail(
    fare_event: Make, settings: Settings, as_customer: APIClient
) -> None:
    settings.STAFF_EMAIL = "fares@wildrydes.example"
    stuck = fare_event("v1.fare-collection.stuck", step="capture", reason="refused")

    tell_of_fares([stuck])
    row = Notification.objects.get()
    operations.send_email(notification=row.id, now=timezone.now())

    assert (row.customer, row.kind) == ("", "fare_stuck")
    (letter,) = mail.outbox
    assert letter.to == ["fares@wildrydes.example"]
    assert f"Saga: {stuck.data['saga']}\nStep: capture\nReason: refused" in str(letter.body)
    inbox = as_customer.get("/api/v1/customers/me/notifications").json()
    assert inbox["notifications"] == []


def test_staff_are_told_of_a_fare_each_time_that_it_gets_stuck_and_once_of_each(
    fare_event: Make, settings: Settings
) -> None:
    settings.STAFF_EMAIL = "fares@wildrydes.example"
    saga = str(new_id())
    first = fare_event("v1.fare-collection.stuck", saga=saga, step="capture", reason="refused")
    again = fare_event("v1.fare-collection.stuck", saga=saga, step="credit", reason="closed")

    tell_of_fares([first])
    tell_of_fares([again])
    tell_of_fares([first, again])

    rows = Notification.objects.filter(kind="fare_stuck").order_by("id")
    assert [row.message_id for row in rows] == [first.id, again.id]
    sent = Message.objects.filter(type="v1.email.send").values_list("subject", flat=True)
    assert sorted(sent) == sorted(str(row.id) for row in rows)


def test_without_an_address_for_staff_no_e_mail_is_sent(
    fare_event: Make, customer_registered: Make
) -> None:
    record_contact([customer_registered()])

    tell_of_fares([fare_event("v1.fare-collection.stuck")])

    assert Notification.objects.filter(kind="fare_stuck").exists()
    assert not Message.objects.filter(type="v1.email.send").exists()
