"""Acknowledging across databases: a consumer elsewhere says over Redis what it has committed.

Guarantee: an acknowledgement is sent after the consumer's commit, never before.
Does not guarantee: that it arrives. A lost one costs a redelivery, which the receipt absorbs.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import suppress
from uuid import UUID

import structlog
from django.db import DatabaseError, connection
from redis import Redis

from wildrydes import crashpoints, redis, wire
from wildrydes.models import Dispatch
from wildrydes.relay import wakeup

log = structlog.get_logger(__name__)

WAIT_SECONDS = 0.25
TAKEN_AT_ONCE = 500
KEPT_SECONDS = 24 * 60 * 60
OF_NOBODY = UUID(int=0)  # closes nothing, and ends the wait of one who listens


def acknowledge(dispatch_id: UUID, *, origin: str) -> None:
    """Tell the database `origin` that its dispatch is done. Never raises for a dead Redis."""
    try:
        _push(dispatch_id, origin=origin, client=redis.client())
    except wire.WIRE_ERRORS as error:
        log.warning("acknowledgement_lost", dispatch=str(dispatch_id), error=str(error))


class AcknowledgementListener(threading.Thread):
    """Closes this database's dispatches as consumers in other databases acknowledge them."""

    def __init__(self, *, origin: str) -> None:
        super().__init__(name="acknowledgements", daemon=True)
        self._origin = origin
        self._key = _key(origin)
        self._stopping = threading.Event()

    def stop(self) -> None:
        """End at once, or within about a second where Redis does not answer."""
        self._stopping.set()
        with suppress(*wire.WIRE_ERRORS):
            _push(OF_NOBODY, origin=self._origin, client=redis.impatient_client())

    def run(self) -> None:
        """Close what is acknowledged until told to stop; wait out a dead Redis or Postgres."""
        while not self._stopping.is_set():
            try:
                done = self._take()
                if done:
                    crashpoints.reach("relay.acknowledging")
                    close(done)
                    crashpoints.reach("relay.acknowledged")
            except (*wire.WIRE_ERRORS, DatabaseError) as error:
                log.debug("acknowledgements_paused", error=str(error))
                connection.close()
                self._stopping.wait(WAIT_SECONDS)
        connection.close()

    def _take(self) -> list[UUID]:
        first = redis.client().blpop([self._key], timeout=WAIT_SECONDS)
        if first is None:
            return []
        more = redis.client().lpop(self._key, TAKEN_AT_ONCE) or []
        return [UUID(entry.decode()) for entry in (first[1], *more)]


def close(dispatch_ids: Sequence[UUID]) -> None:
    """Forget the dispatches: their consumer has them. Wakes the relay, for a place is free."""
    Dispatch.objects.filter(id__in=dispatch_ids).delete()
    wakeup.notify()


def _push(dispatch_id: UUID, *, origin: str, client: Redis) -> None:
    key = _key(origin)
    with client.pipeline(transaction=False) as pipeline:
        pipeline.rpush(key, str(dispatch_id))
        pipeline.expire(key, KEPT_SECONDS)
        pipeline.execute()


def _key(origin: str) -> str:
    return f"wildrydes:acknowledged:{origin}"
