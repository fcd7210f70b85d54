"""Prebookings with the real relay, real handlers, and workers that a test drives by hand."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, connections
from django.utils import timezone

from apps.identity.messages import STAFF, Caller
from apps.ride_prebooking.models import Campaign, Prebooking
from apps.ride_prebooking.operations import submitting
from apps.ride_prebooking.operations.submitting import WantedRide
from config.topology import TOPOLOGY
from wildrydes import redis
from wildrydes.consumer import consume
from wildrydes.models import Message
from wildrydes.relay import Relay

URL = "/api/v1/ride-prebookings"
OF_FLEETS = "unicorn_management.fleet."
SOMEBODY = Caller(user_id=1, role=STAFF)


def wanted(**said: Any) -> dict[str, Any]:
    """Return the body of a prebooking for tomorrow; what is said differs from that."""
    body = {"from": "Cape Town", "to": "Paarl", "customer": "cmr", "when": at(hours=24)} | said
    return {name.rstrip("_"): value for name, value in body.items() if value is not None}


def at(**ahead: float) -> str:
    """Return a time from now on, as the API takes it."""
    return (timezone.now() + timedelta(**ahead)).isoformat()


def prebook(*, customer: str = "cmr", hours: float = 24, campaign: str = "", **more: Any) -> UUID:
    """Let somebody prebook a ride; return its id."""
    ride = WantedRide(
        origin="Cape Town",
        destination="Paarl",
        customer=customer,
        ride_at=timezone.now() + timedelta(hours=hours),
        campaign=campaign,
        **more,
    )
    return submitting.accept(wanted=ride, caller=SOMEBODY)


def campaign(code: str = "spring", *, capacity: int = 10, **more: Any) -> Campaign:
    """Create a campaign that is on."""
    now = timezone.now()
    terms: dict[str, Any] = {
        "name": "Spring in the winelands",
        "starts_at": now - timedelta(days=1),
        "ends_at": now + timedelta(days=1),
        "discount_percent": 25,
    }
    return Campaign.objects.create(code=code, capacity=capacity, **terms | more)


@dataclass
class Workers:
    """Relay and workers of the prebookings' queues."""

    relay: Relay = field(default_factory=Relay)

    def run(self) -> None:
        """Let them run until nothing is left to do."""
        while self.relay.turn() or self.work():
            pass

    def work(self) -> int:
        """Do everything that stands in the queues, but for what fleets are asked; count."""
        names = (queue.name for queue in TOPOLOGY.queues)
        return sum(self._work(name) for name in names if not name.startswith(OF_FLEETS))

    def _work(self, queue: str) -> int:
        count = 0
        while (delivery := take(queue)) is not None:
            consume(subscription=delivery["task"], body=delivery)
            count += 1
        return count


@pytest.fixture
def workers(transactional_db: None, wire: None) -> Iterator[Workers]:
    """Return relay and workers."""
    found = Workers()
    with found.relay:
        yield found


def take(queue: str) -> dict[str, Any] | None:
    """Take the next Celery message from a queue as a worker would; return its one argument."""
    raw = redis.client().rpop(queue)
    if raw is None:
        return None
    message = json.loads(raw)
    body = message["body"]
    if message["properties"].get("body_encoding") == "base64":
        body = base64.b64decode(body)
    (delivery,), _, _ = json.loads(body)
    return {**delivery, "task": message["headers"]["task"]}


def statuses() -> dict[str, str]:
    """Return how each customer's prebooking stands, with the reason if there is one."""
    return {
        row.customer: f"{row.status} {row.reason}".strip()
        for row in Prebooking.objects.order_by("id")
    }


def told(type_: str) -> list[dict[str, Any]]:
    """Return what was told in events of a type, in order."""
    return [row.data for row in Message.objects.filter(type=type_).order_by("position")]


def at_once(calls: list[Callable[[], Any]]) -> list[Any]:
    """Make the calls at the same moment, each on a database connection of its own."""
    gate = threading.Barrier(len(calls))

    def make(call: Callable[[], Any]) -> Any:
        connection.ensure_connection()
        try:
            gate.wait(timeout=30)
            return call()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(make, calls))


def moment(text: str) -> datetime:
    """Read a time that the API wrote."""
    return datetime.fromisoformat(text)
