"""The relay's loop: route, send, renew, rest where it is busy, sleep until woken."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

import psycopg
import structlog
from django.db import DatabaseError, InterfaceError, connection, transaction

from wildrydes import crashpoints, models, redis, wire
from wildrydes.conf import kernel_settings
from wildrydes.relay import leases, routing, sending, turns
from wildrydes.relay.acknowledgements import AcknowledgementListener
from wildrydes.relay.chores import Chore, run_due
from wildrydes.relay.recent import Events, RecentMessages
from wildrydes.relay.wakeup import Wakeups
from wildrydes.scatter_gather.timekeeper import Timekeeper

log = structlog.get_logger(__name__)

LEASE_CHECK_SECONDS = 0.25
OUTAGE_POLL_SECONDS = 0.25
WARY_SECONDS = 60.0
REST_TIMES = 1.5
LONGEST_REST_SECONDS = 0.05
DATABASE_ERRORS = (DatabaseError, InterfaceError, psycopg.Error)


class Relay:
    """One relay of one database. Any number may run at once; each takes what no other holds."""

    def __init__(self, *, chores: Sequence[Chore] = ()) -> None:
        self._chores = chores
        self._stopping = threading.Event()
        self._wakeups = Wakeups()
        self._recent = RecentMessages()
        self._origin = ""
        self._leases_checked_at = float("-inf")
        self._more_in = float("inf")
        self._is_through = False
        self._has_backlog = False
        self._wary_until = float("-inf")
        self._is_in_demand = False
        self._listener: AcknowledgementListener | None = None
        self._timekeeper = Timekeeper()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._listener is not None:
            self._listener.stop()
            self._listener.join(timeout=3)
        if self._timekeeper.is_alive():
            self._timekeeper.stop()
            self._timekeeper.join(timeout=3)
        self._wakeups.close()

    def stop(self) -> None:
        """Finish the turn at hand, then leave `run`.

        May be called from a signal handler, since nobody waits for the event that is set: a thread
        that does holds its lock now and then, and would wait for itself.
        """
        self._stopping.set()

    def run(self) -> None:
        """Relay until stopped. Waits out a Redis or a Postgres that is away, and says so once."""
        self._timekeeper.start()
        while not self._stopping.is_set():
            try:
                run_due(self._chores, outages=DATABASE_ERRORS)
                self._take_turn_and_wait()
            except wire.WIRE_ERRORS as error:
                self._wait_out("redis", error, self._redis_answers)
            except DATABASE_ERRORS as error:
                self._wait_out("postgres", error, self._postgres_answers)
                self._wary_until = time.monotonic() + WARY_SECONDS

    def _take_turn_and_wait(self) -> None:
        """Take a turn. Where it leaves nothing behind wait for the next call.

        Whoever was called while at work, or did not send all that it found as it found it, rests
        first: what comes meanwhile goes out together, into the places that come free meanwhile. A
        message alone costs its consumers nearly as much as ten, and their processors are ours. A
        backlog that is to be routed is not rested upon.
        """
        begun = time.monotonic()
        is_at_work = self.turn()
        looks_again = is_at_work and not self._is_through
        if is_at_work and not self._has_backlog and (looks_again or self._is_in_demand):
            self._rest(worked=time.monotonic() - begun)
        self._is_in_demand = looks_again or self._wakeups.wait(seconds=self._patience())

    def _rest(self, *, worked: float) -> None:
        time.sleep(min(REST_TIMES * worked, LONGEST_REST_SECONDS))

    def turn(self) -> bool:
        """Do what can be done now; return whether anything was."""
        self._begin()
        lapsed = self._claim_lapsed()
        crashpoints.reach("relay.resending")
        routed, claim = self._route_and_claim()
        self._more_in = claim.more_in
        crashpoints.reach("relay.committed")
        self._recent.add(routed)
        going = [*lapsed, *claim.dispatches]
        sending.put_on_wire(going, origin=self._origin, recent=self._recent)
        return bool(routed or going)

    def _route_and_claim(self) -> tuple[Events, sending.Claim]:
        """Route what is new or due and claim what there is room for, if it is this one's turn."""
        limit = kernel_settings().routing_batch
        with transaction.atomic():
            if not turns.take(durable=time.monotonic() < self._wary_until):
                return {}, sending.Claim([])
            routed = routing.route_messages(limit=limit)
            retried = routing.schedule_retries(limit=limit)
            claim = sending.claim()
            crashpoints.reach("relay.claimed")
        entered = routed.dispatches + retried.dispatches
        self._has_backlog = limit in (routed.messages, retried.messages)
        all_went = claim.all_seen and entered <= len(claim.dispatches)
        self._is_through = all_went and not self._has_backlog
        return routed.events, claim

    def _begin(self) -> None:
        if not self._origin:
            self._origin = models.origin()
        if self._listener is None:
            self._listener = AcknowledgementListener(origin=self._origin)
            self._listener.start()

    def _claim_lapsed(self) -> list[models.Dispatch]:
        now = time.monotonic()
        if now - self._leases_checked_at < LEASE_CHECK_SECONDS:
            return []
        self._leases_checked_at = now
        if leases.let_all_wait_if_redis_lost_its_data(origin=self._origin):
            log.warning("redis_has_a_new_epoch", meaning="every open dispatch is sent again")
        return leases.claim_lapsed()

    def _patience(self) -> float:
        """Return how long to sleep at most, in seconds: until the next look at leases or limits."""
        poll = kernel_settings().relay_poll.total_seconds()
        return min(LEASE_CHECK_SECONDS, poll, self._more_in)

    def _wait_out(self, what: str, error: Exception, answers: Callable[[], bool]) -> None:
        log.warning("relay_waits", missing=what, error=str(error).strip())
        self._leases_checked_at = float("-inf")
        while not self._stopping.is_set() and not answers():
            time.sleep(OUTAGE_POLL_SECONDS)
        log.info("relay_goes_on", found=what)

    def _redis_answers(self) -> bool:
        try:
            return bool(redis.client().ping())
        except wire.WIRE_ERRORS:
            return False

    def _postgres_answers(self) -> bool:
        try:
            connection.close()
            connection.ensure_connection()
        except DATABASE_ERRORS:
            return False
        return True
