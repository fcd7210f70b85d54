"""Roll call: a worker says that it is there, so that the doctor can tell who is missing.

Guarantee: a worker that runs is heard of every ten seconds, also while a handler is at work.
Does not guarantee: that a worker which is heard of makes progress; the queue's age shows that.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import structlog
from celery.signals import worker_ready, worker_shutting_down
from django.db import DatabaseError, InterfaceError, connection

from wildrydes import doctor, subscriptions, topology

log = structlog.get_logger(__name__)

EVERY_SECONDS = 10.0


class RollCall(threading.Thread):
    """Answers for one worker, until told to stop; a database that is away is waited out."""

    def __init__(self, *, worker: str, served: Sequence[str]) -> None:
        super().__init__(name="roll-call", daemon=True)
        self._worker = worker
        self._served = served
        self.stopping = threading.Event()

    def run(self) -> None:
        """Answer at once, and then every ten seconds."""
        while not self.stopping.is_set():
            try:
                doctor.seen(worker=self._worker, subscriptions=self._served)
            except (DatabaseError, InterfaceError) as error:
                log.debug("roll_call_unheard", error=str(error))
                connection.close()
            self.stopping.wait(EVERY_SECONDS)
        connection.close()


def served_from(queues: Sequence[str]) -> list[str]:
    """Return the subscriptions that are handled here and whose queue is among `queues`."""
    here = {binding.subscription for binding in subscriptions.bindings()}
    entries = topology.current().subscriptions
    return [entry.name for entry in entries if entry.queue in queues and entry.name in here]


@worker_ready.connect(weak=False)
def _answer(sender: Any, **kwargs: Any) -> None:
    roll_call = RollCall(
        worker=sender.hostname, served=served_from(list(sender.app.amqp.queues.consume_from))
    )
    roll_call.start()
    worker_shutting_down.connect(lambda **_: roll_call.stopping.set(), weak=False)
