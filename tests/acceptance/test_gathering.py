"""Scatter-gather with real processes: a chord of ten responders, and what must end without one."""

from __future__ import annotations

import json

import pytest
import redis

from wildrydes.crashpoints import EXIT_STATUS, POINTS

from .gathering.topology import QUEUES, RESPONDERS
from .stage import Servers, Stage, wait_until


@pytest.fixture(scope="module")
def stage(servers: Servers) -> Stage:
    stage = servers.stage(settings="tests.acceptance.gathering.settings")
    stage.manage("migrate", "--verbosity", "0")
    stage.start_relay()
    stage.start_worker("one", queues=QUEUES)
    stage.start_worker("two", queues=QUEUES)
    return stage


def ask(stage: Stage, *arguments: str) -> list[str]:
    """Ask from a process of its own; return the scatters' ids."""
    ids: list[str] = json.loads(stage.manage("ask", *arguments))
    return ids


def all_closed(stage: Stage) -> bool:
    return stage.count("wildrydes_scatter WHERE status = 'open'") == 0


def closed_because(stage: Stage) -> set[str]:
    return {why for (why,) in stage.query("SELECT closed_because FROM wildrydes_scatter")}


def test_ten_answer_by_chord_and_nothing_is_left_behind(stage: Stage, servers: Servers) -> None:
    ids = ask(stage, "--count", "20", "--deadline", "60")
    wait_until(lambda: all_closed(stage), what="every scatter is closed", seconds=60)
    assert closed_because(stage) == {"completed"}
    assert stage.count("wildrydes_response WHERE outcome = 'answered'") == 20 * len(RESPONDERS)
    assert stage.count("wildrydes_message WHERE type = 'v1.question.answered'") == len(ids)
    wait_until(lambda: stage.count("wildrydes_dispatch") == 0, what="all is acknowledged")
    assert stage.count("wildrydes_receipt WHERE status <> 'done'") == 0
    client = redis.Redis.from_url(servers.valkey.redis_client_url())
    assert client.pubsub_channels("celery-task-meta-*") == []
    assert client.keys("celery-task-meta-*") == []
    left = client.keys("celery-taskset-meta-*")
    assert left
    assert all(client.ttl(key) > 0 for key in left)


def test_a_scatter_ends_on_time_while_redis_is_away_and_goes_on_when_it_is_back(
    stage: Stage, servers: Servers
) -> None:
    (away,) = ask(stage, "--deadline", "3", "--silent", "r0")
    servers.valkey.kill()
    try:
        wait_until(lambda: all_closed(stage), what="the deadline ends it", seconds=60)
    finally:
        servers.valkey.start()
    assert reason(stage, away) == "deadline"
    (back,) = ask(stage, "--deadline", "60")
    wait_until(lambda: all_closed(stage), what="chords work again", seconds=90)
    assert reason(stage, back) == "completed"


@pytest.mark.parametrize("point", [item for item in POINTS if item.startswith("scatter.")])
def test_a_worker_that_dies_while_it_records_or_ends_loses_and_doubles_nothing(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    for name in ("one", "two"):
        if name in stage.processes:
            stage.kill(name)
    monkeypatch.setenv("WILDRYDES_CRASH_AT", point)
    stage.start_worker("doomed", queues=QUEUES)
    monkeypatch.delenv("WILDRYDES_CRASH_AT")
    (scatter_id,) = ask(stage, "--deadline", "120")
    doomed = stage.processes["doomed"]
    wait_until(lambda: doomed.poll() is not None, what=f"the worker dies at {point}", seconds=60)
    assert doomed.returncode == EXIT_STATUS
    stage.start_worker("one", queues=QUEUES)
    wait_until(lambda: all_closed(stage), what="another worker ends it", seconds=90)
    assert reason(stage, scatter_id) == "completed"
    where = f"type = 'v1.question.answered' AND subject = '{scatter_id}'"
    assert stage.count(f"wildrydes_message WHERE {where}") == 1
    wait_until(lambda: stage.count("wildrydes_dispatch") == 0, what="all is acknowledged")


def reason(stage: Stage, scatter_id: str) -> str:
    where = f"WHERE id = '{scatter_id}'"
    (row,) = stage.query(f"SELECT closed_because FROM wildrydes_scatter {where}")
    return str(row[0])
