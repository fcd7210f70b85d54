"""Sagas with real processes: chains through four participants, and what must not get lost."""

from __future__ import annotations

import json

import pytest
import redis

from wildrydes.crashpoints import EXIT_STATUS

from .selling.topology import PARTICIPANTS, QUEUES
from .stage import Servers, Stage, wait_until

POINTS = ["worker.handled", "worker.committed", "saga.recording", "saga.recorded"]


@pytest.fixture(scope="module")
def stage(servers: Servers) -> Stage:
    stage = servers.stage(settings="tests.acceptance.selling.settings")
    stage.manage("migrate", "--verbosity", "0")
    stage.start_relay()
    stage.start_worker("one", queues=QUEUES)
    stage.start_worker("two", queues=QUEUES)
    return stage


def sell(stage: Stage, *arguments: str) -> list[str]:
    """Start sagas from a process of its own; return their ids."""
    ids: list[str] = json.loads(stage.manage("sell", *arguments))
    return ids


def all_ended(stage: Stage) -> bool:
    return stage.count("wildrydes_saga WHERE ended_at IS NULL") == 0


def statuses(stage: Stage, prefix: str) -> set[str]:
    found = stage.query(f"SELECT status FROM wildrydes_saga WHERE key LIKE '{prefix}%'")
    return {status for (status,) in found}


def commands(stage: Stage, saga_id: str) -> list[str]:
    where = f"WHERE kind = 'command' AND group_id = '{saga_id}' ORDER BY position"
    return [type_ for (type_,) in stage.query(f"SELECT type FROM wildrydes_message {where}")]


def nothing_is_left(stage: Stage) -> None:
    wait_until(lambda: stage.count("wildrydes_dispatch") == 0, what="all is acknowledged")
    assert stage.count("wildrydes_receipt WHERE status <> 'done'") == 0


def test_a_hundred_go_through_by_chain_and_nothing_is_left_behind(
    stage: Stage, servers: Servers
) -> None:
    ids = sell(stage, "good", "--count", "100")
    wait_until(lambda: all_ended(stage), what="every saga has ended", seconds=90)
    assert statuses(stage, "good") == {"completed"}
    assert stage.count("wildrydes_message WHERE kind = 'reply'") == 0
    assert commands(stage, ids[0]) == [f"v1.{name}.do" for name in PARTICIPANTS]
    nothing_is_left(stage)
    client = redis.Redis.from_url(servers.valkey.redis_client_url())
    assert client.keys("celery-task-meta-*") == []


def test_those_that_are_declined_are_undone_in_reverse_order(stage: Stage) -> None:
    ids = sell(stage, "bad", "--count", "20", "--declined", "ship")
    wait_until(lambda: all_ended(stage), what="every saga has ended", seconds=90)
    assert statuses(stage, "bad") == {"compensated"}
    back = ["v1.book.do", "v1.pay.do", "v1.ship.do", "v1.pay.undo", "v1.book.undo"]
    assert {tuple(commands(stage, saga_id)) for saga_id in ids} == {tuple(back)}
    nothing_is_left(stage)


def test_sagas_outlive_an_empty_redis(stage: Stage, servers: Servers) -> None:
    sell(stage, "flushed", "--count", "50")
    redis.Redis.from_url(servers.valkey.redis_client_url()).flushall()
    wait_until(lambda: all_ended(stage), what="every saga has ended", seconds=90)
    assert statuses(stage, "flushed") == {"completed"}


@pytest.mark.parametrize("point", POINTS)
def test_a_worker_that_dies_on_a_hop_loses_and_doubles_nothing(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    for name in ("one", "two"):
        if name in stage.processes:
            stage.kill(name)
    monkeypatch.setenv("WILDRYDES_CRASH_AT", f"{point}:2")
    stage.start_worker("doomed", queues=QUEUES)
    monkeypatch.delenv("WILDRYDES_CRASH_AT")
    (good,) = sell(stage, f"crash-{point}")
    doomed = stage.processes["doomed"]
    wait_until(lambda: doomed.poll() is not None, what=f"the worker dies at {point}", seconds=60)
    assert doomed.returncode == EXIT_STATUS
    stage.start_worker("one", queues=QUEUES)
    wait_until(lambda: all_ended(stage), what="another worker ends it", seconds=90)
    assert commands(stage, good) == [f"v1.{name}.do" for name in PARTICIPANTS]
    nothing_is_left(stage)
