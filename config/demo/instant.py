"""An instant ride, live: asked for, quoted, booked, started, completed."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.utils import timezone

from apps.identity import demo as accounts
from config.demo import client, following, rides
from wildrydes.models import Response, Scatter

ORIGIN, DESTINATION = "Frankfurt", "Las Vegas"
DISTANCE_KM, DURATION_S = 8_980, 35_920
ANSWER_SECONDS = 5
SPARE_SECONDS = 2.0
WHY_NOT = {"declined": "declined", "failed": "failed", "timed_out": "did not answer"}
MILESTONES = ("requested", "booked", "started", "completed")

Say = Callable[[str], None]
Quote = Mapping[str, Any]


@dataclass(frozen=True)
class Quoting:
    """What came of a request for quotes: what the stream brought, and what the close said."""

    rfq: str
    streamed: Sequence[Quote]
    closed: Mapping[str, Any]
    seconds: float

    @property
    def cheapest(self) -> Quote:
        """Return the quote to accept. Raises `RequestRefused` when nobody made one."""
        if not self.closed["quotes"]:
            raise client.RequestRefused(f"nobody quoted for request {self.rfq}")
        quote: Quote = self.closed["quotes"][0]
        return quote


@dataclass(frozen=True)
class Trip:
    """The booked ride as the customer sees it afterwards, and where its completion got to."""

    ride: Mapping[str, Any]
    outcome: following.Outcome


def ask(customer: client.Caller, *, say: Say) -> Quoting:
    """Ask for quotes and say each as the event stream brings it, until the request is closed."""
    asked_at, streamed = time.monotonic(), list[Quote]()
    rfq = customer.ask(
        {
            "from": ORIGIN,
            "to": DESTINATION,
            "customer": rides.CUSTOMER,
            "deadline_seconds": ANSWER_SECONDS,
        }
    )
    for event, data in customer.happenings(rfq, patience=ANSWER_SECONDS + SPARE_SECONDS):
        seconds = time.monotonic() - asked_at
        if event == "closed":
            say(f"{_ms(seconds)}  closed with {len(data['quotes'])} quotes")
            return Quoting(rfq, streamed, data, seconds)
        say(f"{_ms(seconds)}  {data['responder']:<14}{Decimal(data['quote']):>12,.2f}")
        streamed.append(data)
    raise client.RequestRefused(f"the stream of request {rfq} ended before it was closed")


def tell_of_silence(quoting: Quoting, *, say: Say) -> None:
    """Say who was asked and did not quote in time, and why not."""
    by_reason: dict[str, list[str]] = {}
    for response in Response.objects.filter(scatter_id=quoting.rfq).order_by("responder"):
        if response.late or response.outcome in WHY_NOT:
            reason = WHY_NOT.get(response.outcome, "came late")
            by_reason.setdefault(reason, []).append(response.responder)
    for reason, responders in by_reason.items():
        say(f"{reason:>14}: {', '.join(responders)}")


def travel(quoting: Quoting, *, url: str, customer: client.Caller, say: Say) -> Trip:
    """Accept the cheapest quote, let the unicorn that comes start and complete the ride."""
    booked = customer.accept(quoting.rfq, responder=quoting.cheapest["responder"])
    who = booked["unicorn"] or booked["responder"]
    price = f"{booked['price']} {booked['currency']}"
    say(f"Booked with {booked['responder']} for {price}: {who} comes.")
    unicorn = client.Caller(url=url, token=_token(who, fleet=booked["responder"]))
    try:
        unicorn.start(booked["id"])
        say(f"{who} has started, and reports the ride completed.")
        sent = following.send(unicorn, _completed(booked))
        deadline = time.monotonic() + following.DEADLINE_SECONDS
        outcome = following.follow(unicorn, sent, deadline=deadline)
    finally:
        unicorn.close()
    ride = customer.ride(booked["id"])
    say(f"The ride is {ride['state']}: {_timeline(ride)}.")
    return Trip(ride, outcome)


def complaints(quoting: Quoting, trip: Trip) -> list[str]:
    """Return one sentence for each thing that is not as it must be, deliveries aside."""
    scatter = Scatter.objects.get(id=quoting.rfq)
    noted = set(scatter.responses.values_list("responder", flat=True))
    streamed = {quote["responder"]: quote["quote"] for quote in quoting.streamed}
    closed = {quote["responder"]: quote["quote"] for quote in quoting.closed["quotes"]}
    steps = [entry["event"] for entry in trip.ride["timeline"]]
    wrong = {
        "was not closed by its deadline": quoting.seconds > ANSWER_SECONDS + SPARE_SECONDS,
        "has no entry for: " + ", ".join(sorted(set(scatter.asked) - noted)): noted
        != set(scatter.asked),
        "was closed with other quotes than the stream brought": streamed != closed,
        "was booked at another price": trip.ride["price"] != quoting.cheapest["quote"],
        f"ended as {trip.ride['state']}": trip.ride["state"] != "completed",
        "was completed by another report": trip.ride["ride_completion"] != trip.outcome.ride_id,
        f"went through {', '.join(steps)} only": not set(MILESTONES) <= set(steps),
    }
    return [
        f"The instant ride {text} (request {quoting.rfq})" for text, is_so in wrong.items() if is_so
    ]


def _token(unicorn: str, *, fleet: str) -> str:
    return accounts.unicorn(username=unicorn, fleet=fleet, now=timezone.now()).token


def _completed(booked: Mapping[str, Any]) -> rides.Ride:
    return rides.Ride(
        origin=ORIGIN,
        destination=DESTINATION,
        duration_s=DURATION_S,
        distance_km=DISTANCE_KM,
        fare=Decimal(booked["price"]),
        services=rides.EVERYBODY | {rides.EXTRAORDINARY, rides.BOOKING},
        booked=booked["id"],
    )


def _timeline(ride: Mapping[str, Any]) -> str:
    """Return what happened and how long after the first entry, in order."""
    moments = [(entry["event"], _seconds(entry["at"])) for entry in ride["timeline"]]
    begin = moments[0][1]
    return ", ".join(f"{event} {_ms(at - begin).strip()}" for event, at in moments)


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:8,.0f} ms"
