"""A unicorn is on the ride that it was put on last, in whatever order rides are heard of."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from itertools import permutations
from typing import Any
from uuid import UUID

import pytest
from pytest_django import DjangoAssertNumQueries

from apps.ride_booking.messages import RideBooked, RideCancelled, RideFinished, RideStarted
from apps.unicorn_management.models import Unicorn
from apps.unicorn_management.subscriptions import follow_rides
from tests.integration.apps.conftest import NOON, envelope
from wildrydes.envelope import Envelope
from wildrydes.models import new_id

from .conftest import FleetFactory, UnicornFactory

pytestmark = pytest.mark.django_db

ONE, TWO = new_id(), new_id()
WHO: dict[str, Any] = {"customer": "cmr", "fleet": "winelands"}
WAY: dict[str, Any] = {"origin": "Paarl", "destination": "Wellington"}
FREE: dict[str, Any] = {"fee": Decimal(0), "currency": "EUR"}


def happened(event: Any, minutes: float) -> Envelope:
    time = NOON + timedelta(minutes=minutes)
    return envelope(type_=event.TYPE, data=event.to_data(), time=time)


def booked(ride: UUID, minutes: float, unicorn: str = "shadowfax") -> Envelope:
    price: dict[str, Any] = {"price": Decimal("12.50"), "currency": "EUR"}
    event = RideBooked(
        ride=ride, rfq=new_id(), unicorn=unicorn, booked_at=NOON, **price, **WHO, **WAY
    )
    return happened(event, minutes)


def started(ride: UUID, minutes: float) -> Envelope:
    event = RideStarted(ride=ride, unicorn="shadowfax", started_at=NOON, **WHO)
    return happened(event, minutes)


def cancelled(ride: UUID, minutes: float) -> Envelope:
    by: dict[str, Any] = {"cancelled_by": "customer", "cancelled_at": NOON}
    event = RideCancelled(ride=ride, unicorn="shadowfax", **by, **FREE, **WHO, **WAY)
    return happened(event, minutes)


def finished(ride: UUID, minutes: float, unicorn: str = "shadowfax") -> Envelope:
    fare: dict[str, Any] = {"fare": Decimal("12.50"), "currency": "EUR"}
    event = RideFinished(
        ride=ride, ride_completion=new_id(), unicorn=unicorn, finished_at=NOON, **fare, **WHO
    )
    return happened(event, minutes)


@pytest.fixture(autouse=True)
def shadowfax(fleet: FleetFactory, unicorn: UnicornFactory) -> None:
    """Let there be the unicorn `shadowfax`."""
    fleet()
    unicorn()


def ride_of(unicorn: str = "shadowfax") -> UUID | None:
    return Unicorn.objects.get(id=unicorn).ride


def test_a_booked_unicorn_is_on_its_ride_until_that_is_over() -> None:
    follow_rides([booked(ONE, 0)])
    assert ride_of() == ONE
    follow_rides([started(ONE, 1)])
    assert ride_of() == ONE
    follow_rides([finished(ONE, 2)])
    assert ride_of() is None


def test_a_cancelled_ride_sets_its_unicorn_free() -> None:
    follow_rides([booked(ONE, 0)])
    follow_rides([cancelled(ONE, 1)])

    assert ride_of() is None


ORDERS = sorted(set(permutations([ONE, ONE, ONE, TWO, TWO])))


@pytest.mark.parametrize("order", ORDERS, ids=lambda order: "".join("12"[x == TWO] for x in order))
@pytest.mark.parametrize("together", [False, True], ids=["alone", "together"])
def test_two_rides_may_be_told_of_in_any_order(order: tuple[UUID, ...], together: bool) -> None:
    """Given that each ride's own events are in order, and that is all that is."""
    left = {
        ONE: iter([booked(ONE, 0), started(ONE, 1), finished(ONE, 2)]),
        TWO: iter([booked(TWO, 3), started(TWO, 4)]),
    }
    told = [next(left[ride]) for ride in order]

    for batch in [told] if together else [[event] for event in told]:
        follow_rides(batch)

    assert ride_of() == TWO


@pytest.mark.parametrize("together", [False, True], ids=["alone", "together"])
def test_a_late_booking_does_not_take_the_unicorn_from_a_later_one(together: bool) -> None:
    told = [booked(TWO, 3), booked(ONE, 0)]

    for batch in [told] if together else [[event] for event in told]:
        follow_rides(batch)

    assert ride_of() == TWO


def test_a_unicorn_that_is_not_ours_is_passed_over() -> None:
    follow_rides([booked(ONE, 0, unicorn="pegasus"), booked(TWO, 1, unicorn="")])
    follow_rides([finished(ONE, 2, unicorn="pegasus"), finished(TWO, 3, unicorn="")])

    assert ride_of() is None
    assert Unicorn.objects.count() == 1


def test_other_unicorns_are_left_alone(unicorn: UnicornFactory) -> None:
    unicorn("pinotage", ride=TWO, ride_as_of=NOON)

    follow_rides([booked(ONE, 0), finished(ONE, 1)])

    assert ride_of("pinotage") == TWO


def test_any_number_of_moves_takes_three_statements(
    unicorn: UnicornFactory, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    rides = [new_id() for _ in range(20)]
    for number in range(20):
        unicorn(f"u{number}")
    moves = [booked(ride, n, unicorn=f"u{n}") for n, ride in enumerate(rides)]
    moves += [finished(ride, n, unicorn=f"u{n}") for n, ride in enumerate(rides) if n % 2]

    with django_assert_num_queries(3):
        follow_rides(moves)

    assert Unicorn.objects.filter(ride__isnull=False).count() == 10
