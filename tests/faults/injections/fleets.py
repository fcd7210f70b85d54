"""Harm by the fleets that are asked for quotes: slow, late, lying; and by those who gather them."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import celery
import psycopg

from tests.acceptance.stage import wait_until
from tests.faults.injections import processes
from tests.faults.servers import Scene

GATHERING = "ride_booking.gather_quotes"
QUEUE = "ride_booking.answers"
LIAR = "moonlight"
NOBODY = "nobodys-fleet"
WHILE_SECONDS = 4.0
TOO_LATE_SECONDS = 3.5
LEARNT_SECONDS = 1.0
LIES: tuple[dict[str, Any], ...] = (
    {"outcome": "answered", "data": {"quote": "-5.00"}},
    {"outcome": "answered", "data": {"quote": "0.00"}},
    {"outcome": "answered", "data": {"quote": "NaN"}},
    {"outcome": "answered", "data": {"quote": "1e9"}},
    {"outcome": "answered", "data": {"quote": "1.00", "currency": "XXX"}},
    {"outcome": "answered", "data": {"quote": "1.00", "unicorn": "\x00"}},
    {"outcome": "answered", "data": {"quote": "1.00", "note": "x" * 20_000}},
    {"outcome": "answered", "data": {"quote": "1.00", "note": "x" * 8_000_000}},
    {"outcome": "answered", "data": ["1.00"]},
    {"outcome": "won", "data": {"quote": "1.00"}},
    {"outcome": "declined", "data": {"quote": "1.00"}, "reason": "x" * 1_000_000},
)

CHANGE = """
UPDATE unicorn_management_fleet SET answer_rate = %(rate)s, delay_min_seconds = %(delay)s,
    delay_median_seconds = %(delay)s, delay_max_seconds = %(delay)s WHERE slug ~ %(fleets)s
"""
KEEP = "CREATE TEMPORARY TABLE kept AS SELECT * FROM unicorn_management_fleet"
RESTORE = """
UPDATE unicorn_management_fleet AS fleet SET answer_rate = kept.answer_rate,
    delay_min_seconds = kept.delay_min_seconds, delay_median_seconds = kept.delay_median_seconds,
    delay_max_seconds = kept.delay_max_seconds
FROM kept WHERE kept.slug = fleet.slug
"""
OPEN = """
SELECT id::text FROM wildrydes_scatter WHERE status = 'open' AND opened_at > to_timestamp(%s)
    AND deadline_at > clock_timestamp() + interval '500 milliseconds'
ORDER BY opened_at DESC LIMIT 1
"""
OUTCOME = "SELECT outcome, late FROM wildrydes_response WHERE scatter_id = %s AND responder = %s"
TIMEKEEPERS = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND query LIKE '%min(deadline_at)%' AND pid <> pg_backend_pid()
"""

Way = Callable[[Scene, str, str, dict[str, Any]], None]


def answer_late(scene: Scene) -> float:
    """Let every fleet take longer than anybody waits, for a while."""
    with _behaving(scene, ".*", rate=1, delay=TOO_LATE_SECONDS):
        time.sleep(WHILE_SECONDS)
    return time.time()


def lie(scene: Scene) -> float:
    """Answer nonsense in the name of a fleet, as a task's result and as a reply of its own."""
    with _behaving(scene, LIAR, rate=0, delay=0), scene.sql() as connection:
        time.sleep(LEARNT_SECONDS)
        for number, answer in enumerate(LIES):
            rfq = _open_request(connection, since=time.time())
            (_reply if number % 2 else _carry)(scene, rfq, LIAR, answer)
            expected = "failed" if answer["outcome"] != "declined" else "declined"
            _wait_for(connection, rfq, expected)
        for way in (_carry, _reply):
            _lie_about_others(scene, way, _open_request(connection, since=time.time()))
    return time.time()


def freeze_the_gathering(scene: Scene) -> float:
    """SIGSTOP the worker that gathers answers, while it is at it, and go on in a while."""
    name = scene.deployment.worker_names[-1]
    scene.deployment.send(name, signal.SIGSTOP)
    time.sleep(WHILE_SECONDS)
    ended_at = time.time()
    scene.deployment.send(name, signal.SIGCONT)
    return ended_at


def freeze_the_responder(scene: Scene) -> float:
    """SIGSTOP the worker that serves some fleets only, past its lease, and go on."""
    name = scene.deployment.worker_names[0]
    scene.deployment.send(name, signal.SIGSTOP)
    time.sleep(processes.PAST_THE_LEASE)
    ended_at = time.time()
    scene.deployment.send(name, signal.SIGCONT)
    return ended_at


def kill_the_responder(scene: Scene) -> float:
    """End the worker that serves some fleets only as kill -9 does."""
    return scene.deployment.kill_hard(scene.deployment.worker_names[0])


def kill_any_but_the_last_timekeeper(scene: Scene) -> float:
    """End one process as kill -9 does; a relay when another one keeps the deadlines."""
    time.sleep(scene.random.uniform(0.2, 1.2))
    name = scene.random.choice(scene.deployment.names)
    if name.startswith("relay"):
        with scene.sql() as connection:
            wait_until(
                lambda: _number(connection, TIMEKEEPERS) >= scene.setting.relays,
                what="every relay keeps deadlines",
            )
    return scene.deployment.kill_hard(name)


@contextmanager
def _behaving(scene: Scene, fleets: str, *, rate: float, delay: float) -> Iterator[None]:
    """Let some fleets behave so during the block."""
    with scene.sql() as connection:
        connection.execute(KEEP)
        values = {"fleets": fleets, "rate": rate, "delay": delay}
        connection.execute(CHANGE, values)
        try:
            yield
        finally:
            connection.execute(RESTORE)


def _open_request(connection: psycopg.Connection[Any], *, since: float) -> str:
    """Return a request that is made after that moment and is open for some time yet."""

    def found() -> str:
        row = connection.execute(OPEN, [since]).fetchone()
        return str(row[0]) if row else ""

    return str(wait_until(found, what="somebody asks"))


def _wait_for(connection: psycopg.Connection[Any], rfq: str, outcome: str) -> None:
    """Wait until the liar's entry is that; one that came too late for it may say so."""

    def said() -> str:
        row = connection.execute(OUTCOME, [rfq, LIAR]).fetchone()
        return str(row[0]) if row and row[0] != "timed_out" else ""

    found = wait_until(said, what=f"the lie about {rfq} is recorded")
    assert found == outcome, f"a lie was recorded as {found}, not as {outcome}"


def _lie_about_others(scene: Scene, way: Way, rfq: str) -> None:
    """Answer what nobody asked, what is no request, and for a fleet that was not asked."""
    good: dict[str, Any] = {"outcome": "answered", "data": {"quote": "1.00"}}
    way(scene, str(uuid4()), LIAR, good)
    way(scene, "none", LIAR, good)
    way(scene, rfq, NOBODY, good)
    way(scene, rfq, "x" * 100_000, good)


def _carry(scene: Scene, rfq: str, responder: str, answer: dict[str, Any]) -> None:
    """Answer as the task of a subscription does: its result is what the gathering's takes."""
    said = [rfq, answer["outcome"], answer["data"], answer.get("reason", "")]
    carried = {
        "dispatch": str(uuid4()),
        "origin": str(uuid4()),
        "attempt": 1,
        "queue": f"unicorn_management.fleet.{LIAR}",
        "responder": responder,
        "answers": [said],
    }
    _send(scene, f"{GATHERING}.record", carried)


def _reply(scene: Scene, rfq: str, responder: str, answer: dict[str, Any]) -> None:
    """Answer by a message of its own, as a fleet that takes its time does."""
    event = {
        "specversion": "1.0",
        "id": str(uuid4()),
        "type": "v1.ride.quoted",
        "source": "//liars.example",
        "time": datetime.now(UTC).isoformat(),
        "kind": "reply",
        "causationid": rfq,
        "data": {"responder": responder, **answer},
    }
    delivery = {
        "dispatch": str(uuid4()),
        "origin": str(uuid4()),
        "attempt": 1,
        "sentat": datetime.now(UTC).isoformat(),
        "messages": [event],
    }
    _send(scene, GATHERING, delivery)


def _send(scene: Scene, task: str, body: object) -> None:
    with celery.Celery(broker=scene.valkey.redis_url(), set_as_current=False) as app:
        app.send_task(task, args=[body], queue=QUEUE, ignore_result=True)


def _number(connection: psycopg.Connection[Any], statement: Any) -> int:
    row = connection.execute(statement).fetchone()
    return int(row[0]) if row else 0
