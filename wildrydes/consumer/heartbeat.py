"""Heartbeat: while a worker is at work on a dispatch it says so, and the lease is not taken away.

What is done within half a second is never announced, as long as the lease covers it; a dispatch
whose lease ends sooner, because it stood in its queue for long, is announced at once. A worker that
dies falls silent, and its dispatch is sent again within seconds. A handler that could not be
interrupted at its time limit is ended together with its worker: that is the only way left.
Source: leases, Gray and Cheriton; the visibility timeout of cloud queues.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import cache
from uuid import UUID

import structlog
from redis import Redis

from wildrydes import redis, wire

log = structlog.get_logger(__name__)

BEAT_SECONDS = 0.5
HEARD_FOR_MILLISECONDS = 1500
UNHEARD = timedelta(seconds=2 * BEAT_SECONDS)  # no later is a worker heard of that is at work
GRACE = 2.0
EXIT_STATUS = 70


class Heartbeat(threading.Thread):
    """One for each worker process; started with the first delivery."""

    def __init__(self) -> None:
        super().__init__(name="heartbeat", daemon=True)
        self._dispatches: dict[UUID, float] = {}
        self._give_up_at: dict[int, float] = {}

    def run(self) -> None:
        """Beat for ever."""
        while True:
            time.sleep(BEAT_SECONDS)
            self._end_worker_if_stuck()
            with suppress(*wire.WIRE_ERRORS):
                self._say_what_is_in_work()

    @contextmanager
    def at_work_on(self, dispatch_id: UUID, *, lease_until: datetime) -> Iterator[None]:
        """Keep the dispatch's lease alive during the block.

        `lease_until` is by the clock of whoever sent it. Where that one differs from ours it is
        announced too early, or too late: at the next beat, as everything is.
        """
        self._dispatches[dispatch_id] = time.monotonic()
        try:
            if lease_until < datetime.now(UTC) + UNHEARD:
                with suppress(*wire.WIRE_ERRORS):
                    _announce(dispatch_id, to=redis.impatient_client())
            yield
        finally:
            self._dispatches.pop(dispatch_id, None)

    @contextmanager
    def ending_worker_after(self, limit: timedelta) -> Iterator[None]:
        """End this process if the block is not left by twice its time limit."""
        thread = threading.get_ident()
        self._give_up_at[thread] = time.monotonic() + limit.total_seconds() * GRACE + 1
        try:
            yield
        finally:
            del self._give_up_at[thread]

    def _say_what_is_in_work(self) -> None:
        now = time.monotonic()
        for dispatch_id, since in list(self._dispatches.items()):
            if now - since >= BEAT_SECONDS / 2:
                _announce(dispatch_id, to=redis.client())

    def _end_worker_if_stuck(self) -> None:
        now = time.monotonic()
        if any(now > give_up_at for give_up_at in list(self._give_up_at.values())):
            log.critical("worker_ends_itself", reason="a handler cannot be interrupted")
            os._exit(EXIT_STATUS)


def _announce(dispatch_id: UUID, *, to: Redis) -> None:
    to.set(wire.at_work_key(dispatch_id), b"1", px=HEARD_FOR_MILLISECONDS)


def of_this_process() -> Heartbeat:
    """Return this process's heartbeat, beating."""
    return _started(os.getpid())


@cache
def _started(pid: int) -> Heartbeat:
    heartbeat = Heartbeat()
    heartbeat.start()
    return heartbeat
