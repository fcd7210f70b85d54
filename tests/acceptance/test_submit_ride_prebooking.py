"""Use case 2, over HTTP, with real processes: prebook, be confirmed, come due, be carried.

Once with all services in one, once with prebooking, ride booking and the fleets each alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from config.topology import queue_names

from .passengers import CHEAP_FLEET, People, people, prepare
from .stage import Servers, Stage, wait_until

URL = "/api/v1/ride-prebookings"
PLACES = 20
CROWD = 30
APART = ("unicorn_management", "ride_booking", "ride_prebooking")

CAMPAIGN = f"""
INSERT INTO ride_prebooking_campaign (code, name, starts_at, ends_at, capacity, taken,
    discount_percent)
VALUES ('spring', 'Spring', now(), now() + interval '1 hour', {PLACES}, 0, 50) RETURNING id
"""


@pytest.fixture(scope="module")
def stage(servers: Servers) -> Stage:
    return servers.stage()


@pytest.fixture(scope="module")
def callers(stage: Stage) -> Iterator[People]:
    """Return who calls the services in one."""
    accounts = prepare(stage)
    stage.start_web()
    stage.start_relay()
    stage.start_worker()
    with people(accounts, asking=stage, riding=stage) as found:
        yield found


def prebook(client: httpx.Client, *, ahead: timedelta, path: str = URL, **said: Any) -> str:
    """Prebook a ride, later if asked to come again; return where it is found."""
    when = (datetime.now(UTC) + ahead).isoformat()
    wanted = {"from": "Cape Town", "to": "Paarl", "customer": "cmr", "when": when}

    def answered() -> httpx.Response | None:
        answer = client.post(path, json=wanted | said)
        return None if answer.status_code == 503 else answer

    answer = wait_until(answered, what="the door is open", seconds=60)
    assert answer.status_code == 202, answer.content
    assert answer.json()["status"] == "accepted"
    return str(answer.headers["Location"])


def wait_for(client: httpx.Client, where: str, status: str) -> dict[str, Any]:
    """Return a prebooking once it stands so; from the moment of its acceptance it is there."""

    def shown() -> Any:
        answer = client.get(where)
        assert answer.status_code == 200, answer.content
        return answer.json() if answer.json()["status"] == status else None

    found: dict[str, Any] = wait_until(shown, what=f"{where} is {status}", seconds=60)
    return found


@pytest.mark.parametrize("path", [URL, "/submit-ride-prebooking"])
def test_a_prebooking_is_confirmed_and_the_customer_is_told(callers: People, path: str) -> None:
    ahead = timedelta(days=1 if path == URL else 2)
    where = prebook(callers.customer, ahead=ahead, path=path)

    row = wait_for(callers.customer, where, "confirmed")

    def told() -> bool:
        inbox = callers.customer.get("/api/v1/customers/me/notifications").json()
        return any("prebooked" in item["kind"] for item in inbox["notifications"])

    wait_until(told, what="the customer is told")
    lead = datetime.fromisoformat(row["when"]) - datetime.fromisoformat(row["due_at"])
    assert lead == timedelta(minutes=10)
    assert callers.customer.post(f"{where}/cancel", json={}).json()["status"] == "cancelled"


def test_a_crowd_fills_a_campaign_and_not_one_more(callers: People, stage: Stage) -> None:
    stage.query(CAMPAIGN)
    ahead = timedelta(days=3)
    asked = [
        prebook(callers.staff, ahead=ahead, customer=f"c{number}", campaign="spring")
        for number in range(CROWD)
    ]

    def statuses() -> Counter[str]:
        shown = (callers.staff.get(where).json() for where in asked)
        return Counter(f"{row['status']} {row['reason']}".strip() for row in shown)

    wait_until(lambda: statuses()["accepted"] == 0, what="all are decided")
    assert statuses() == {"confirmed": PLACES, "rejected campaign-full": CROWD - PLACES}
    assert callers.customer.get("/api/v1/campaigns/spring").json()["remaining"] == 0


def test_what_comes_due_is_booked_by_itself(callers: People) -> None:
    callers.fleets_behave({})
    where = prebook(callers.customer, ahead=timedelta(minutes=5), price_limit="500.00")

    row = wait_for(callers.customer, where, "dispatched")

    ride = callers.customer.get(f"/api/v1/rides/{row['ride']}").json()
    assert (ride["state"], ride["responder"]) == ("booked", CHEAP_FLEET)
    assert callers.customer.post(f"{where}/cancel", json={}).status_code == 409


def test_prebooking_booking_and_fleets_apart(servers: Servers) -> None:
    fleets, booking, prebooking = (
        servers.stage(settings=f"config.services.{service}", redis_db=1) for service in APART
    )
    accounts = prepare(fleets)
    for stage, service in zip((fleets, booking, prebooking), APART, strict=True):
        if stage is not fleets:
            stage.prepare()
        stage.start_web()
        stage.start_relay()
        own = [name for name in queue_names() if name.startswith(f"{service}.") or name == service]
        stage.start_worker(queues=own)
    with people(accounts, asking=prebooking, riding=fleets) as callers:
        callers.fleets_behave({})
        where = prebook(callers.customer, ahead=timedelta(minutes=5))

        row = wait_for(callers.customer, where, "dispatched")

        assert booking.query("SELECT id::text FROM ride_booking_ride") == [(row["ride"],)]
        nobody = prebook(callers.customer, ahead=timedelta(hours=1), price_limit="0.01")
        assert wait_for(callers.customer, nobody, "confirmed")["price_limit"] == "0.01"
