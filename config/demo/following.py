"""Follow a ride until every service has done its part."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from config.demo import client, rides
from config.embedded import processes

DEADLINE_SECONDS = 30.0


@dataclass(frozen=True)
class Outcome:
    """What has become of a ride: for each service, seconds from the request to its effect."""

    ride: rides.Ride
    ride_id: str
    seconds: Mapping[str, float]
    missing: frozenset[str]
    unexpected: frozenset[str]

    @property
    def is_as_expected(self) -> bool:
        """Return whether exactly the expected services have done their part."""
        return not self.missing and not self.unexpected


@dataclass(frozen=True)
class Sent:
    """A ride that was accepted."""

    ride: rides.Ride
    ride_id: str
    sent_at: float


def send(unicorn: client.Caller, ride: rides.Ride) -> Sent:
    """Report the ride as the unicorn does, and remember when."""
    sent_at = time.time()
    return Sent(ride=ride, ride_id=unicorn.submit(ride.body()), sent_at=sent_at)


def follow(unicorn: client.Caller, sent: Sent, *, deadline: float) -> Outcome:
    """Ask until all expected services are done and nobody is busy, or the deadline has passed.

    The deadline is a reading of the monotonic clock.
    """
    outcome, busy = _look(unicorn, sent)
    while (outcome.missing or busy) and time.monotonic() < deadline:
        time.sleep(processes.POLL_SECONDS)
        outcome, busy = _look(unicorn, sent)
    return outcome


def _look(unicorn: client.Caller, sent: Sent) -> tuple[Outcome, bool]:
    """Return the outcome so far, and whether some delivery is still on its way."""
    deliveries = unicorn.deliveries(sent.ride_id)
    services = {_service(delivery["subscription"]) for delivery in deliveries}
    busy = {_service(entry["subscription"]) for entry in deliveries if entry["status"] != "done"}
    done = services - busy
    seconds = {
        service: max(
            _timestamp(entry["done_at"]) - sent.sent_at
            for entry in deliveries
            if _service(entry["subscription"]) == service
        )
        for service in sorted(done)
    }
    outcome = Outcome(
        ride=sent.ride,
        ride_id=sent.ride_id,
        seconds=seconds,
        missing=sent.ride.services - done,
        unexpected=frozenset(services - sent.ride.services),
    )
    return outcome, bool(busy)


def _service(subscription: str) -> str:
    return subscription.partition(".")[0]


def _timestamp(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
