"""Task events: those of some moments are one message, and none is missing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from types import SimpleNamespace

import celery
import pytest
from celery.events import EventDispatcher
from kombu.asynchronous.timer import Timer
from redis.client import PubSub

from wildrydes import redis, task_events

SOON = 0.2  # seconds


class Told:
    """What a worker tells with after the step, its clock, and who listens to it in Redis."""

    def __init__(self, dispatcher: EventDispatcher, listener: PubSub) -> None:
        self._dispatcher, self._listener = dispatcher, listener
        self._timer = Timer()
        self._parent = SimpleNamespace(event_dispatcher=dispatcher, timer=self._timer)
        self._step = task_events.EventsTogether(self._parent)
        self._step.start(self._parent)

    def of(self, *tasks: str) -> None:
        """Tell that tasks have begun."""
        for task in tasks:
            self._dispatcher.send("task-started", uuid=task)

    def let_worker_end(self) -> None:
        """Do what is done when a worker ends."""
        self._step.shutdown(self._parent)

    def let_time_pass(self) -> int:
        """Do all that the clock was asked for; return how much that was."""
        due = [entry for _, _, entry in self._timer.schedule.queue]
        self._timer.clear()
        for entry in due:
            entry()
        return len(due)

    def heard(self) -> list[list[str]]:
        """Return the tasks of each message since the last look."""
        found = []
        while (message := self._listener.get_message(timeout=SOON)) is not None:
            if message["type"] == "pmessage":
                events = json.loads(json.loads(message["data"])["body"])
                found.append([event["uuid"] for event in events])
        return found


@pytest.fixture
def told(wire: None) -> Iterator[Told]:
    with (
        redis.client().pubsub() as listener,
        celery.current_app.connection_for_write() as connection,
    ):
        listener.psubscribe("*celeryev/task.multi")
        dispatcher = celery.current_app.events.Dispatcher(
            connection, buffer_group=["task"], on_send_buffered=lambda: None
        )
        told = Told(dispatcher, listener)
        assert told.heard() == []
        yield told


def test_those_of_some_moments_are_one_message(told: Told) -> None:
    told.of("a", "b")
    told.of("c")
    assert told.heard() == []
    assert told.let_time_pass() == 1
    assert told.heard() == [["a", "b", "c"]]


def test_the_next_ones_are_sent_too(told: Told) -> None:
    for task in ("a", "b"):
        told.of(task)
        told.let_time_pass()
    assert told.heard() == [["a"], ["b"]]
    assert told.let_time_pass() == 0


def test_many_do_not_wait(told: Told) -> None:
    tasks = [str(number) for number in range(task_events.AT_MOST)]
    told.of(*tasks)
    assert told.heard() == [tasks]


def test_a_worker_that_ends_has_told_everything(told: Told) -> None:
    told.of("a")
    told.let_worker_end()
    assert told.heard() == [["a"]]


def test_a_worker_that_tells_nothing_starts_and_ends() -> None:
    silent = SimpleNamespace(event_dispatcher=None)
    step = task_events.EventsTogether(silent)
    step.start(silent)
    step.shutdown(silent)
    assert silent.event_dispatcher is None


def test_every_worker_takes_the_step() -> None:
    assert task_events.EventsTogether in celery.current_app.steps["consumer"]
