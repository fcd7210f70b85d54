"""What a long-running process has loaded is not looked through for garbage, and what is new is."""

from __future__ import annotations

import gc
import signal
import subprocess
import sys
import weakref
from collections.abc import Iterator

import pytest
from celery.signals import worker_ready
from django.core.management import call_command

from wildrydes import garbage
from wildrydes.relay import Relay

MUCH = 10_000


class Node:
    """Something that holds itself."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture(autouse=True)
def collector() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*before)


def test_what_is_loaded_is_left_alone_and_later_garbage_found() -> None:
    garbage.leave_alone_what_is_loaded()
    assert gc.get_freeze_count() > MUCH
    assert len(gc.get_objects()) < MUCH
    node = weakref.ref(Node())
    gc.collect()
    assert node() is None


def test_garbage_of_the_beginning_is_not_kept() -> None:
    gc.disable()
    try:
        node = weakref.ref(Node())
        garbage.leave_alone_what_is_loaded()
    finally:
        gc.enable()
    assert node() is None


@pytest.mark.usefixtures("db")
def test_the_relay_leaves_alone_what_it_has_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    monkeypatch.setattr(Relay, "run", lambda _: found.append(gc.get_freeze_count()))
    kept = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        call_command("relay")
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)
    assert found[0] > MUCH


def test_workers_do() -> None:
    receivers = [receiver for _, receiver in worker_ready.receivers]
    assert weakref.ref(garbage.leave_alone_what_is_loaded) in receivers


def test_the_web_process_does() -> None:
    program = """
import django
django.setup()
from wildrydes.front_door.admission import Admission
Admission.keep_looking = lambda self: None  # it would look at a database that is not the test's
import config.asgi, gc
print(gc.get_freeze_count())
"""
    ended = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    assert int(ended.stdout) > MUCH
