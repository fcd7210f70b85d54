"""Deadlines: a thread that ends scatters on time, whatever else stands still.

It needs Postgres and nothing else: no Redis, no worker, no relay that has its turn. It looks for
the next deadline at least four times a second and sleeps exactly until then. The time is the
database's.

Guarantee: a scatter that is open at its deadline is ended, once, by any of the relays that run.
Does not guarantee: the moment; Postgres and the scheduler have a say. What the doctor shows as
overdue is what no thread has got to.
Source: Hohpe and Woolf, Aggregator (timeout).
"""

from __future__ import annotations

import threading
from datetime import timedelta

import structlog
from django.db import connection, transaction

from wildrydes.scatter_gather import closing, rows, statements

log = structlog.get_logger(__name__)

LOOK_SECONDS = 0.25
LEAST_SECONDS = 0.005
CLOSED_AT_ONCE = 200


class Timekeeper(threading.Thread):
    """Ends what is due, until it is told to stop. Waits out a Postgres that is away."""

    def __init__(self) -> None:
        super().__init__(name="timekeeper", daemon=True)
        self._stopping = threading.Event()

    def stop(self) -> None:
        """End within about a quarter of a second."""
        self._stopping.set()

    def run(self) -> None:
        """Look, end what is due, sleep until the next deadline."""
        wait = 0.0
        while not self._stopping.wait(wait):
            try:
                wait = 0.0 if close_due() else _pause(next_deadline())
            except Exception as error:  # noqa: BLE001 - the thread must outlive whatever it meets
                log.warning("timekeeper_waits", error=str(error).strip())
                connection.close()
                wait = LOOK_SECONDS
        connection.close()


def close_due(*, limit: int = CLOSED_AT_ONCE) -> int:
    """End up to `limit` scatters whose deadline is over; count them.

    Any number of processes may call it at once. What someone else has in hand is left to them.
    """
    with transaction.atomic():
        due = rows.find(statements.CLAIM_DUE, [limit])
        closing.end(due, because="deadline")
    return len(due)


def next_deadline() -> timedelta | None:
    """Return how long it is until the next deadline; none when nothing is open."""
    with connection.cursor() as cursor:
        cursor.execute(statements.NEXT_DEADLINE)
        row = cursor.fetchone()
    assert row is not None
    found: timedelta | None = row[0]
    return found


def _pause(until: timedelta | None) -> float:
    if until is None:
        return LOOK_SECONDS
    return min(LOOK_SECONDS, max(LEAST_SECONDS, until.total_seconds()))
