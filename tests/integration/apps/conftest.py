"""Messages as they arrive, for the handlers of any service."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from rest_framework.test import APIClient

from apps.identity.models import User
from wildrydes.envelope import Envelope
from wildrydes.models import new_id
from wildrydes.outgoing import Body

EnvelopeFactory = Callable[..., Envelope]

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def envelope(*, type_: str, data: dict[str, Any], time: datetime = NOON) -> Envelope:
    return Envelope(
        id=new_id(),
        type=type_,
        kind="event",
        source="//wildrydes.example",
        subject="",
        time=time,
        data=data,
        correlation_id="a-story",
    )


def command(body: Body) -> Envelope:
    """Return a command as it arrives, with a subject of its own."""
    return replace(
        envelope(type_=body.TYPE, data=body.to_data()), kind="command", subject=str(new_id())
    )


@pytest.fixture
def commanded() -> Callable[[Body], Envelope]:
    """Return a maker of commands as they arrive."""
    return command


@pytest.fixture
def ride_completed() -> EnvelopeFactory:
    """Return a maker of `v1.ride.completed`; what is given differs from the reference ride."""

    def make(*, time: datetime = NOON, **data: Any) -> Envelope:
        return envelope(
            type_="v1.ride.completed",
            time=time,
            data={
                "ride_completion": str(new_id()),
                "ride": None,
                "from": "Berlin",
                "to": "Frankfurt",
                "duration": 420,
                "distance": 600,
                "customer": "cmr",
                "fare": 256.5,
                "currency": "EUR",
                "fleet": "north",
                "completed_at": NOON.isoformat(),
            }
            | {name.rstrip("_"): str(v) if isinstance(v, UUID) else v for name, v in data.items()},
        )

    return make


@pytest.fixture
def ride_booked() -> EnvelopeFactory:
    """Return a maker of `v1.ride.booked`."""

    def make(**data: Any) -> Envelope:
        return envelope(
            type_="v1.ride.booked",
            data={
                "ride": str(new_id()),
                "rfq": str(new_id()),
                "customer": "cmr",
                "fleet": "north",
                "unicorn": "rarity",
                "from": "Frankfurt",
                "to": "Las Vegas",
                "price": 30.5,
                "currency": "EUR",
                "booked_at": NOON.isoformat(),
            }
            | data,
        )

    return make


@pytest.fixture
def ride_cancelled() -> EnvelopeFactory:
    """Return a maker of `v1.ride.cancelled`."""

    def make(**data: Any) -> Envelope:
        return envelope(
            type_="v1.ride.cancelled",
            data={
                "ride": str(new_id()),
                "customer": "cmr",
                "fleet": "north",
                "unicorn": "rarity",
                "from": "Frankfurt",
                "to": "Las Vegas",
                "fee": 6.1,
                "currency": "EUR",
                "cancelled_by": "customer",
                "cancelled_at": NOON.isoformat(),
            }
            | data,
        )

    return make


@pytest.fixture
def quotes_gathered() -> EnvelopeFactory:
    """Return a maker of `v1.ride-quotes.gathered`, without quotes unless they are given."""

    def make(**data: Any) -> Envelope:
        return envelope(
            type_="v1.ride-quotes.gathered",
            data={
                "rfq": str(new_id()),
                "from": "Frankfurt",
                "to": "Las Vegas",
                "customer": "cmr",
                "closed_because": "deadline",
                "quotes": [],
            }
            | data,
        )

    return make


@pytest.fixture
def fare_event() -> Callable[..., Envelope]:
    """Return a maker of events about the fare of a ride from Berlin to Frankfurt."""

    def make(type_: str, **data: Any) -> Envelope:
        return envelope(
            type_=type_,
            data={
                "collection": str(new_id()),
                "refund": str(new_id()),
                "saga": str(new_id()),
                "ride_completion": str(new_id()),
                "ride": None,
                "customer": "cmr",
                "from": "Berlin",
                "to": "Frankfurt",
                "amount": 256.5,
                "currency": "EUR",
                "card": "•••• 4242",
                "step": "credit",
                "reason": "the account of cmr is closed",
                "given_back": True,
                "collected_at": NOON.isoformat(),
                "failed_at": NOON.isoformat(),
                "refunded_at": NOON.isoformat(),
            }
            | data,
        )

    return make


@pytest.fixture
def customer_registered() -> EnvelopeFactory:
    """Return a maker of `v1.customer.registered`."""

    def make(*, time: datetime = NOON, **data: Any) -> Envelope:
        return envelope(
            type_="v1.customer.registered",
            time=time,
            data={"customer": "cmr", "email": "cmr@example.org", "name": "Carla"} | data,
        )

    return make


@pytest.fixture
def as_customer(db: None) -> APIClient:
    """Return a client whose caller is the customer `cmr`."""
    return client_of(role="customer", customer="cmr")


@pytest.fixture
def as_staff(db: None) -> APIClient:
    """Return a client whose caller is a member of staff."""
    return client_of(role="staff")


@pytest.fixture
def as_unicorn(db: None) -> APIClient:
    """Return a client whose caller is a unicorn of the fleet `north`."""
    return client_of(role="unicorn", fleet="north")


def client_of(**caller: str) -> APIClient:
    client = APIClient()
    client.force_authenticate(User.objects.create(username=caller["role"], **caller))
    return client


WATCH = """
CREATE TEMP TABLE written (position bigserial, key text);
CREATE FUNCTION note_key() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO written (key) VALUES (to_jsonb(NEW) ->> TG_ARGV[0]);
    RETURN NEW;
END $$;
CREATE TRIGGER watch BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION note_key({column});
"""


@pytest.fixture
def order_of_writing(db: None) -> Callable[[str, str], Callable[[], list[str]]]:
    """Watch a table; return what tells in which order its keys were written, and so locked.

    Two batches that lock the same rows in one order cannot deadlock.
    """

    def watch(table: str, column: str) -> Callable[[], list[str]]:
        with connection.cursor() as cursor:
            cursor.execute(WATCH.format(table=table, column=column))

        def keys() -> list[str]:
            with connection.cursor() as cursor:
                cursor.execute("SELECT key FROM written ORDER BY position")
                return [key for (key,) in cursor.fetchall()]

        return keys

    return watch
