"""Deadlines are kept by a thread that needs Postgres and nothing else."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
import time_machine
from django.db import connection, transaction

from config.embedded.valkey import EmbeddedValkey
from wildrydes.models import Scatter
from wildrydes.scatter_gather import DEADLINE, answered, timekeeper
from wildrydes.scatter_gather.timekeeper import Timekeeper

from .conftest import RESPONDERS, Gathering, another_connection, let_deadlines_pass

SOON = timedelta(milliseconds=300)
NOBODY = [[name, "timed_out"] for name in RESPONDERS]


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@contextmanager
def running() -> Iterator[Timekeeper]:
    keeper = Timekeeper()
    keeper.start()
    try:
        yield keeper
    finally:
        keeper.stop()
        keeper.join()


@pytest.fixture
def keeper(gathering: Gathering) -> Iterator[Timekeeper]:
    """Return a timekeeper that runs; there is neither a relay nor a worker."""
    with running() as keeper:
        yield keeper


def all_closed() -> bool:
    return not Scatter.objects.filter(status="open").exists()


def test_a_scatter_ends_at_its_deadline_with_nothing_else_running(
    gathering: Gathering, keeper: Timekeeper
) -> None:
    scatter_id = gathering.ask(deadline=SOON)
    gathering.record(scatter_id, "ann", answered({}))
    wait_until(all_closed)
    scatter = Scatter.objects.get()
    assert scatter.closed_because == "deadline"
    assert scatter.closed_at is not None
    assert scatter.closed_at >= scatter.deadline_at
    assert gathering.gathered() == [(str(scatter_id), [["ann", "answered"], *NOBODY[1:]])]


def test_a_scatter_ends_at_its_deadline_while_redis_is_away(
    gathering: Gathering, valkey: EmbeddedValkey, keeper: Timekeeper
) -> None:
    valkey.kill()
    try:
        gathering.ask(deadline=SOON)
        wait_until(all_closed)
    finally:
        valkey.start()
    assert len(gathering.gathered()) == 1


def test_the_thread_outlives_a_lost_connection(gathering: Gathering, keeper: Timekeeper) -> None:
    gathering.ask(deadline=SOON)
    wait_until(all_closed)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE pid <> pg_backend_pid() AND datname = current_database()"
        )
    gathering.ask(deadline=SOON)
    wait_until(all_closed)
    assert keeper.is_alive()


def test_while_something_is_due_nobody_sleeps(
    gathering: Gathering, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timekeeper, "close_due", partial(timekeeper.close_due, limit=1))
    monkeypatch.setattr(timekeeper, "LEAST_SECONDS", 3600.0)
    monkeypatch.setattr(timekeeper, "LOOK_SECONDS", 3600.0)
    for number in range(3):
        gathering.ask(number)
    let_deadlines_pass()
    with running():
        wait_until(all_closed)


def test_the_relay_runs_a_timekeeper(gathering: Gathering) -> None:
    relay = gathering.kernel.relay

    def run() -> None:
        relay.run()
        connection.close()

    gathering.ask(deadline=SOON)
    with ThreadPoolExecutor() as pool:
        running = pool.submit(run)
        wait_until(all_closed)
        relay.stop()
        running.result()
    assert Scatter.objects.get().closed_because == "deadline"


def test_a_scatter_that_waits_for_its_deadline_ends_at_no_other_time(gathering: Gathering) -> None:
    scatter_id = gathering.ask(rule=DEADLINE)
    gathering.run()
    assert gathering.responses(scatter_id) == dict.fromkeys(RESPONDERS, "answered")
    assert timekeeper.close_due() == 0
    let_deadlines_pass()
    assert timekeeper.close_due() == 1
    assert timekeeper.close_due() == 0
    assert len(gathering.gathered()) == 1


def test_the_time_is_the_databases(gathering: Gathering) -> None:
    gathering.ask()
    with time_machine.travel(datetime.now(UTC) + timedelta(days=1)):
        assert timekeeper.close_due() == 0


def test_what_someone_has_in_hand_is_left_to_them(gathering: Gathering) -> None:
    first, second = gathering.ask(1), gathering.ask(2)
    let_deadlines_pass()
    with another_connection() as other:
        other.execute("SELECT * FROM wildrydes_scatter WHERE id = %s FOR UPDATE", [first])
        assert timekeeper.close_due() == 1
    assert Scatter.objects.get(id=second).status == "closed"
    assert timekeeper.close_due() == 1


def test_how_long_until_the_next_deadline(gathering: Gathering) -> None:
    assert timekeeper.next_deadline() is None
    gathering.ask(deadline=timedelta(hours=2))
    gathering.ask(deadline=timedelta(hours=1))
    with transaction.atomic():
        until = timekeeper.next_deadline()
    assert until is not None
    assert timedelta(minutes=59) < until <= timedelta(hours=1)
