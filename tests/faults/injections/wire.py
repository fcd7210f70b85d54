"""Harm to what is on the wire: doubled, shuffled, or no message at all."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import celery
import redis

from tests.faults.servers import Scene
from tests.faults.topology import QUEUE_NAMES

TURNS = 4
FILLING_SECONDS = 0.3
HUGE = 20 * 1024 * 1024
VICTIM = "customer_loyalty"
TASK = "customer_loyalty.award_points"


Change = Callable[[redis.Redis, str, list[Any]], None]


def double(scene: Scene) -> float:
    """Push every entry of every queue once more, turn by turn; no copy of a copy."""
    seen: set[bytes] = set()

    def twice(client: redis.Redis, queue: str, entries: list[Any]) -> None:
        if fresh := [entry for entry in entries if entry not in seen]:
            client.rpush(queue, *fresh)
            seen.update(fresh)

    return _meddle(scene, twice)


def shuffle(scene: Scene) -> float:
    """Put the entries of every queue into another order, turn by turn."""

    def shuffled(client: redis.Redis, queue: str, entries: list[Any]) -> None:
        scene.random.shuffle(entries)
        with client.pipeline() as pipeline:
            pipeline.delete(queue)
            pipeline.rpush(queue, *entries)
            pipeline.execute()

    return _meddle(scene, shuffled)


def garbage(scene: Scene) -> float:
    """Put what is no JSON, no message of Celery and no delivery of ours on a queue."""
    client = scene.redis()
    for entry in (b"\xff\xfe not JSON", b"{", b"[]", b'{"body": "e30="}'):
        client.lpush(VICTIM, entry)
    _send(scene, TASK, "not a delivery")
    _send(scene, TASK, {"dispatch": "none"})
    _send(scene, "nobody.knows_this_task", {})
    return time.time()


def unknown_types(scene: Scene) -> float:
    """Deliver events of an unknown type, of another version, and ones that are no events."""
    strange: list[Any] = [
        {**_event(), "type": "v9.unicorn.vanished"},
        {**_event(), "specversion": "9.9"},
        {**_event(), "time": "yesterday"},
        {"no": "event"},
        17,
    ]
    _send(scene, TASK, _delivery(strange))
    return time.time()


def huge(scene: Scene) -> float:
    """Deliver one event whose data is many megabytes."""
    event = {**_event(), "type": "v9.unicorn.grown", "data": {"text": "x" * HUGE}}
    _send(scene, TASK, _delivery([event]))
    return time.time()


def _meddle(scene: Scene, change: Change) -> float:
    client = scene.redis()
    for _ in range(TURNS):
        with _workers_stopped(scene):
            time.sleep(FILLING_SECONDS)
            for queue in QUEUE_NAMES:
                if entries := client.lrange(queue, 0, -1):
                    change(client, queue, entries)
        time.sleep(FILLING_SECONDS)
    return time.time()


@contextmanager
def _workers_stopped(scene: Scene) -> Iterator[None]:
    for name in scene.deployment.worker_names:
        scene.deployment.send(name, signal.SIGSTOP)
    try:
        yield
    finally:
        for name in scene.deployment.worker_names:
            scene.deployment.send(name, signal.SIGCONT)


def _send(scene: Scene, task: str, body: object) -> None:
    with celery.Celery(broker=scene.valkey.redis_url(), set_as_current=False) as app:
        app.send_task(task, args=[body], queue=VICTIM, ignore_result=True)


def _delivery(messages: list[Any]) -> dict[str, Any]:
    return {
        "dispatch": str(uuid4()),
        "origin": str(uuid4()),
        "attempt": 1,
        "sentat": datetime.now(UTC).isoformat(),
        "messages": messages,
    }


def _event() -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": str(uuid4()),
        "type": "v1.ride.completed",
        "source": "//elsewhere.example",
        "time": datetime.now(UTC).isoformat(),
        "kind": "event",
        "data": {},
    }
