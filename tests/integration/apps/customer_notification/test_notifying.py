"""A customer is told of a ride once in the app, and by e-mail where an address is known."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.db import IntegrityError, transaction

from apps.customer_notification import queries
from apps.customer_notification.messages import SendEmail
from apps.customer_notification.models import Contact, Notification
from apps.customer_notification.subscriptions import notify_customer, record_contact, send_email
from wildrydes.envelope import Envelope
from wildrydes.models import Message, new_id

pytestmark = pytest.mark.django_db

Make = Callable[..., Envelope]
Watch = Callable[[str, str], Callable[[], list[str]]]


def commands() -> list[Envelope]:
    return [row.to_envelope() for row in Message.objects.filter(type=SendEmail.TYPE)]


def carry_out_commands() -> None:
    for command in commands():
        send_email(command)


def test_a_known_customer_is_told_in_the_app_and_by_email(
    ride_completed: Make, customer_registered: Make
) -> None:
    ride = ride_completed()
    record_contact([customer_registered()])

    notify_customer([ride])
    carry_out_commands()

    letter = mail.outbox[0]
    assert letter.to == ["cmr@example.org"]
    assert letter.subject == "Your ride from Berlin to Frankfurt"
    assert letter.message()["Message-ID"] == f"<{ride.id}@wildrydes.example>"
    assert "Hello Carla," in letter.body
    assert "256.50 EUR" in letter.body
    assert Notification.objects.get().emailed_at is not None


def test_the_command_to_send_belongs_to_the_story_of_the_ride(
    ride_completed: Make, customer_registered: Make
) -> None:
    ride = ride_completed()
    record_contact([customer_registered()])

    notify_customer([ride])

    command = commands()[0]
    assert (command.causation_id, command.correlation_id) == (ride.id, "a-story")
    assert command.data == {"notification": str(Notification.objects.get().id)}


def test_an_unknown_customer_is_told_in_the_app_only(ride_completed: Make) -> None:
    notify_customer([ride_completed(customer="unknown")])

    assert commands() == []
    assert queries.inbox(customer="unknown", limit=50).notifications[0].emailed_at is None


def test_a_command_that_arrives_again_sends_nothing(
    ride_completed: Make, customer_registered: Make
) -> None:
    record_contact([customer_registered()])
    notify_customer([ride_completed()])

    carry_out_commands()
    carry_out_commands()

    assert len(mail.outbox) == 1


def test_the_same_ride_in_another_message_is_told_once(
    ride_completed: Make, customer_registered: Make
) -> None:
    ride = new_id()
    record_contact([customer_registered()])

    notify_customer([ride_completed(ride_completion=ride), ride_completed(ride_completion=ride)])
    notify_customer([ride_completed(ride_completion=ride)])

    assert Notification.objects.count() == 1
    assert len(commands()) == 1


def test_a_second_notification_of_a_ride_is_refused_by_the_database(ride_completed: Make) -> None:
    notify_customer([ride_completed()])
    row = Notification.objects.get()

    row.id = new_id()
    with pytest.raises(IntegrityError), transaction.atomic():
        row.save(force_insert=True)


def test_five_hundred_rides_take_four_statements(
    ride_completed: Make, customer_registered: Make, django_assert_num_queries: Any
) -> None:
    record_contact([customer_registered(customer=f"c{n}") for n in range(100)])
    batch = [ride_completed(customer=f"c{n % 200}") for n in range(500)]

    with django_assert_num_queries(4):
        notify_customer(batch)

    assert Notification.objects.count() == 500
    assert len(commands()) == 300


def test_what_was_typed_into_a_place_reaches_no_header(
    ride_completed: Make, customer_registered: Make
) -> None:
    record_contact([customer_registered(name="Carla\nBcc: eve@example.org")])

    notify_customer([ride_completed(to="Frankfurt\r\nBcc: eve@example.org")])
    carry_out_commands()

    letter = mail.outbox[0].message()
    assert letter["Bcc"] is None
    assert letter["Subject"] == "Your ride from Berlin to Frankfurt Bcc: eve@example.org"


@pytest.mark.parametrize("email", ["", "nonsense", "cmr@example.org\nBcc: eve@example.org"])
def test_what_is_no_address_is_not_kept_as_one(
    email: str, ride_completed: Make, customer_registered: Make
) -> None:
    record_contact([customer_registered(email=email)])

    notify_customer([ride_completed()])

    assert Contact.objects.get().email == ""
    assert commands() == []


def test_what_a_customer_said_last_counts_in_whatever_order_it_arrives(
    customer_registered: Make,
) -> None:
    first = customer_registered(email="old@example.org")
    later = customer_registered(email="new@example.org", time=first.time + timedelta(hours=1))

    record_contact([later, first])
    record_contact([first])

    assert Contact.objects.get().email == "new@example.org"


def test_an_address_that_is_gone_gets_no_mail(
    ride_completed: Make, customer_registered: Make
) -> None:
    record_contact([customer_registered()])
    notify_customer([ride_completed()])
    Contact.objects.all().delete()

    carry_out_commands()

    assert mail.outbox == []


def test_notifications_are_written_in_the_order_of_their_key(
    ride_completed: Make, order_of_writing: Watch
) -> None:
    written = order_of_writing("customer_notification_notification", "about")

    notify_customer([ride_completed() for _ in range(50)][::-1])

    assert written() == sorted(written())
    assert len(written()) == 50


def test_contacts_are_written_in_the_order_of_their_key(
    customer_registered: Make, order_of_writing: Watch
) -> None:
    written = order_of_writing("customer_notification_contact", "customer")

    record_contact([customer_registered(customer=f"c{n:02}") for n in range(50)][::-1])

    assert written() == sorted(written())
    assert len(written()) == 50
