"""Use case 3, over HTTP, with real processes: ask, be answered, accept, ride; and by the deadline.

Once with all services in one, once with the fleets and ride booking each alone on its database.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from apps.unicorn_management.messages import FLEETS
from config.topology import queue_names

from .passengers import CHEAP_FLEET, RFQS, SILENT, People, after, people, prepare
from .stage import Servers, Stage, wait_until

SLOW_FLEET = "winelands"
SILENT_FLEETS = FLEETS[5:]
LATE_FLEETS = FLEETS[1:3]
IN_TIME = {FLEETS[0], *FLEETS[3:5]}
DEADLINE_SECONDS = 2.0
TOO_LATE_SECONDS = 2.5


@pytest.fixture(scope="module")
def stage(servers: Servers) -> Stage:
    return servers.stage()


@pytest.fixture(scope="module")
def callers(stage: Stage) -> Iterator[People]:
    """Return who calls the services in one."""
    accounts = prepare(stage)
    stage.start_relay()
    stage.start_worker()
    stage.start_web()
    with people(accounts, asking=stage, riding=stage) as found:
        yield found


@pytest.fixture(scope="module")
def fleets(servers: Servers) -> Stage:
    return servers.stage(settings="config.services.unicorn_management", redis_db=1)


@pytest.fixture(scope="module")
def booking(servers: Servers) -> Stage:
    return servers.stage(settings="config.services.ride_booking", redis_db=1)


@pytest.fixture(scope="module")
def callers_apart(fleets: Stage, booking: Stage) -> Iterator[People]:
    """Return who calls the two services, each alone with a web process, a relay and a worker."""
    accounts = prepare(fleets)
    booking.prepare()
    for stage, service in ((fleets, "unicorn_management"), (booking, "ride_booking")):
        stage.start_relay()
        stage.start_worker(queues=[name for name in queue_names() if name.startswith(service)])
    for stage in (fleets, booking):
        stage.start_web()
    with people(accounts, asking=booking, riding=fleets) as found:
        yield found


def carry_out(callers: People, ride: dict[str, Any], *, booking: Stage) -> None:
    """Start the ride where it was booked, and complete it as any ride is completed."""
    started = callers.unicorn.post(f"{booking.url}/api/v1/rides/{ride['id']}/start", json={})
    assert (started.status_code, started.json()["state"]) == (200, "started")
    report = {
        "ride": ride["id"],
        "from": ride["from"],
        "to": ride["to"],
        "customer": ride["customer"],
        "duration": 3600,
        "distance": 55,
        "fare": ride["price"],
    }
    assert callers.unicorn.post("/api/v1/ride-completions", json=report).status_code == 201


def events(text: str) -> list[tuple[str, str]]:
    """Return the id and the name of each event that is there as a whole."""
    return re.findall(r"^id: (\w+)\nevent: (\w+)\ndata: .*\n\n", text, re.MULTILINE)


def outcomes(stage: Stage, rfq: str) -> dict[str, tuple[str, bool]]:
    """Return what became of the request at each fleet, and whether that was late."""
    rows = stage.query(
        "SELECT responder, outcome, late FROM wildrydes_response"
        f" WHERE scatter_id = '{rfq.rpartition('/')[2]}'"
    )
    return {responder: (outcome, late) for responder, outcome, late in rows}


def gathered(stage: Stage, rfq: str) -> int:
    """Return how many events say that the request is closed."""
    subject = f"subject = '{rfq.rpartition('/')[2]}'"
    return stage.count(f"wildrydes_message WHERE type = 'v1.ride-quotes.gathered' AND {subject}")


@pytest.mark.parametrize("path", [RFQS, "/submit-instant-ride-rfq"])
def test_the_cheapest_of_all_quotes_is_accepted_and_the_ride_takes_place(
    callers: People, stage: Stage, path: str
) -> None:
    callers.fleets_behave({SLOW_FLEET: after(0.3)})

    rfq = callers.ask(path=path)
    closed = callers.wait_for_close(rfq)
    assert closed["status"] == "closed"
    amounts = [float(item["quote"]) for item in closed["quotes"]]
    assert amounts == sorted(amounts)
    assert {item["responder"] for item in closed["quotes"]} == set(FLEETS)
    assert not any(item["late"] for item in closed["quotes"])
    assert gathered(stage, rfq) == 1

    cheapest = closed["quotes"][0]
    answer = callers.accept(rfq, cheapest["responder"])
    assert (answer.status_code, answer.json()["state"]) == (201, "booked")
    ride = answer.json()
    assert (ride["responder"], ride["price"]) == (CHEAP_FLEET, cheapest["quote"])
    assert callers.accept(rfq, cheapest["responder"]).status_code == 409

    carry_out(callers, ride, booking=stage)
    done = callers.wait_for(ride["id"], "completed")
    kinds = [entry["event"] for entry in done["timeline"]]
    assert kinds == ["requested", "quoted", "booked", "started", "completed"]
    receipt = callers.customer.get(f"/api/v1/rides/{ride['id']}/receipt").json()
    assert receipt["total"] == cheapest["quote"]
    assert callers.customer.get(rfq).json()["status"] == "accepted"


def test_a_stream_goes_on_where_it_was_broken_off(callers: People) -> None:
    callers.fleets_behave({SLOW_FLEET: after(1)})
    rfq = callers.ask()

    seen = ""
    with callers.customer.stream("GET", f"{rfq}/stream") as stream:
        parts = stream.iter_text()
        while not events(seen):
            seen += next(parts)
    first = events(seen)
    resume = {"Last-Event-ID": first[-1][0]}
    with callers.customer.stream("GET", f"{rfq}/stream", headers=resume) as stream:
        rest = events("".join(stream.iter_text()))

    told = [name for _, name in first + rest]
    assert told == ["quote"] * len(FLEETS) + ["closed"]
    everything = (2 << len(FLEETS)) - 1
    assert int(rest[-1][0], 16) == everything


def test_by_its_deadline_a_request_is_closed_with_what_has_come(
    callers: People, stage: Stage
) -> None:
    silent = dict.fromkeys(SILENT_FLEETS, SILENT)
    late = dict.fromkeys(LATE_FLEETS, after(TOO_LATE_SECONDS))
    callers.fleets_behave({**silent, **late})

    rfq = callers.ask(deadline_seconds=DEADLINE_SECONDS)
    closed = callers.wait_for_close(rfq)
    assert closed["status"] == "closed"
    assert {item["responder"] for item in closed["quotes"]} == IN_TIME
    deadline_at = datetime.fromisoformat(closed["deadline_at"])
    received = [datetime.fromisoformat(item["received_at"]) for item in closed["quotes"]]
    assert all(moment <= deadline_at for moment in received)

    def with_the_late() -> Any:
        found = callers.customer.get(rfq).json()["quotes"]
        return found if len(found) == len(IN_TIME) + len(LATE_FLEETS) else None

    quotes = wait_until(with_the_late, what="the late quotes are kept")
    assert {item["responder"] for item in quotes if item["late"]} == set(LATE_FLEETS)
    assert callers.accept(rfq, LATE_FLEETS[0]).status_code == 409
    assert outcomes(stage, rfq) == {
        **dict.fromkeys(IN_TIME, ("answered", False)),
        **dict.fromkeys(LATE_FLEETS, ("answered", True)),
        **dict.fromkeys(SILENT_FLEETS, ("timed_out", False)),
    }
    assert gathered(stage, rfq) == 1


def test_fleets_and_ride_booking_apart(
    callers_apart: People, fleets: Stage, booking: Stage
) -> None:
    callers_apart.fleets_behave({SLOW_FLEET: after(0.3)})

    rfq = callers_apart.ask()
    closed = callers_apart.wait_for_close(rfq)
    assert {item["responder"] for item in closed["quotes"]} == set(FLEETS)
    assert gathered(booking, rfq) == 1
    ride = callers_apart.accept(rfq, closed["quotes"][0]["responder"]).json()

    def busy() -> list[tuple[Any, ...]]:
        return fleets.query(
            "SELECT id, ride::text FROM unicorn_management_unicorn WHERE ride IS NOT NULL"
        )

    wait_until(busy, what="the fleets know that the unicorn is on a ride")
    assert busy() == [(ride["unicorn"], ride["id"])]
    carry_out(callers_apart, ride, booking=booking)
    callers_apart.wait_for(ride["id"], "completed")
    wait_until(lambda: not busy(), what="the unicorn is free again")


def test_a_deadline_is_kept_apart_too(callers_apart: People, booking: Stage) -> None:
    silent = dict.fromkeys(SILENT_FLEETS, SILENT)
    callers_apart.fleets_behave({**silent, **dict.fromkeys(LATE_FLEETS, after(TOO_LATE_SECONDS))})

    rfq = callers_apart.ask(deadline_seconds=DEADLINE_SECONDS)
    closed = callers_apart.wait_for_close(rfq)
    assert {item["responder"] for item in closed["quotes"]} == IN_TIME

    def late() -> bool:
        found = outcomes(booking, rfq)
        return {name for name, outcome in found.items() if outcome[1]} == set(LATE_FLEETS)

    wait_until(late, what="the late quotes are kept and marked")
    assert gathered(booking, rfq) == 1


def test_nothing_stays_open_between_the_two(
    callers_apart: People, fleets: Stage, booking: Stage
) -> None:
    between = "wildrydes_dispatch WHERE subscription ~ '^(ride_booking|unicorn_management)'"
    wait_until(
        lambda: not any(stage.count(between) for stage in (fleets, booking)),
        what="what went from one to the other is acknowledged",
    )
