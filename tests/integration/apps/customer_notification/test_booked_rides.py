"""A customer is told that a ride is booked, that it is cancelled, and that nobody offered one."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from apps.customer_notification.models import Notification
from apps.customer_notification.subscriptions import tell_of_bookings, tell_of_no_quotes
from config.topology import TOPOLOGY
from wildrydes.envelope import Envelope
from wildrydes.models import new_id

pytestmark = pytest.mark.django_db

Make = Callable[..., Envelope]


def told() -> list[tuple[str, str]]:
    return list(Notification.objects.order_by("id").values_list("kind", "subject"))


def test_of_a_booked_ride_with_its_price(ride_booked: Make) -> None:
    tell_of_bookings([ride_booked()])

    assert told() == [("ride_booked", "Booked: your ride from Frankfurt to Las Vegas")]
    assert "The price is 30.50 EUR." in Notification.objects.get().body


@pytest.mark.parametrize(
    ("fee", "text"), [(6.1, "The cancellation fee is 6.10 EUR."), (0, "There is nothing to pay.")]
)
def test_of_a_cancelled_ride_with_what_it_costs(
    ride_cancelled: Make, fee: float, text: str
) -> None:
    tell_of_bookings([ride_cancelled(fee=fee)])

    assert told() == [("ride_cancelled", "Cancelled: your ride from Frankfurt to Las Vegas")]
    assert text in Notification.objects.get().body


def test_of_both_about_the_same_ride_and_of_each_once(
    ride_booked: Make, ride_cancelled: Make
) -> None:
    ride = str(new_id())
    both = [ride_booked(ride=ride), ride_cancelled(ride=ride)]

    tell_of_bookings(both)
    tell_of_bookings(both[::-1])

    assert sorted(kind for kind, _ in told()) == ["ride_booked", "ride_cancelled"]


def test_that_nobody_offered_a_ride(quotes_gathered: Make) -> None:
    event = quotes_gathered()

    tell_of_no_quotes([event])

    assert told() == [("no_quotes", "No unicorn is free from Frankfurt to Las Vegas")]
    assert str(Notification.objects.get().about) == event.data["rfq"]


def test_who_has_quotes_is_not_told_that_there_are_none(quotes_gathered: Make) -> None:
    quote = {"responder": "north", "quote": 30, "currency": "EUR"}
    wants = TOPOLOGY.subscription("customer_notification.tell_of_no_quotes").wants

    assert wants(quotes_gathered())
    assert not wants(quotes_gathered(quotes=[quote]))


def test_only_what_is_booked_or_cancelled_comes_here(ride_booked: Make) -> None:
    wants = TOPOLOGY.subscription("customer_notification.tell_of_bookings").wants
    booked = ride_booked()

    assert wants(booked)
    assert not wants(Envelope(**{**vars(booked), "type": "v1.ride.started"}))
