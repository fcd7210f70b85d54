"""Task events for Flower, many in one message to Redis.

Celery sends the events of a task as soon as its worker has a moment, and a worker that takes one
task at a time has that after each of them: three events are a message by themselves, which costs
more than what they tell.

Guarantee: a worker that ends, and not by being killed, has told everything.
Does not guarantee: that an event is heard within `WITHIN_SECONDS` while a task runs; that those of
the last moments before a connection was lost are heard at all. Postgres knows what happened.
"""

from __future__ import annotations

from typing import Any

from celery import bootsteps
from celery.worker.consumer import Events

WITHIN_SECONDS = 0.5
AT_MOST = 200  # events in one message


class EventsTogether(bootsteps.StartStopStep):
    """The step of a worker's start after which its task events wait for each other."""

    requires = (Events,)

    def start(self, parent: Any) -> None:
        """Let the dispatcher of a connection that was just made send what it keeps by the clock."""
        dispatcher = parent.event_dispatcher
        if dispatcher is None:  # this worker tells nothing
            return
        waiting: list[object] = []

        def send() -> None:
            waiting.clear()
            dispatcher.flush()

        def wait() -> None:
            if not waiting:
                waiting.append(parent.timer.call_after(WITHIN_SECONDS, send))

        dispatcher.buffer_limit = AT_MOST
        dispatcher.on_send_buffered = wait

    def shutdown(self, parent: Any) -> None:
        """Tell what is left when the worker ends."""
        if parent.event_dispatcher is not None:
            parent.event_dispatcher.flush()
