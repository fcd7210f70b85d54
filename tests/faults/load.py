"""Clients that complete rides over HTTP, insist until they are told yes, and remember it.

Each ride bears the id of a booked ride. A client that got no answer asks again with the same id
and is told that the ride is completed already: that too is a yes. A customer's rides come one
after the other, so that their order is known.
"""

from __future__ import annotations

import itertools
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

ANSWER_SECONDS = 5.0
TRY_AGAIN_SECONDS = 0.1
MOST_PATIENCE_SECONDS = 30.0
ONE = "/api/v1/ride-completions"
MANY = "/api/v1/ride-completions/batch"


@dataclass(frozen=True)
class Style:
    """How one customer's rides are submitted: so many at a time, with a pause in between."""

    customer: str
    at_once: int = 1
    pause: float = 0.03
    fares: tuple[float, ...] = (12.5, 49.99, 50, 64.2, 256.5)


@dataclass
class Accepted:
    """What was told yes: booked ride -> id of the completion, "" where it was not told."""

    rides: dict[str, str] = field(default_factory=dict)
    refusals: Counter[str] = field(default_factory=Counter)
    unexpected: list[str] = field(default_factory=list)


class Poster(threading.Thread):
    """One unicorn that submits the rides of one customer, one request at a time."""

    def __init__(self, *, url: str, token: str, style: Style, accepted: Accepted) -> None:
        super().__init__(name=f"rides of {style.customer}", daemon=True)
        self._url = url
        self._headers = {"Authorization": f"Token {token}"}
        self._style = style
        self._accepted = accepted
        self._stopping = threading.Event()
        self._numbers = itertools.count(1)
        self._run = f"{style.customer}-{time.time_ns():x}"
        self._random = random.Random(style.customer)

    def stop(self) -> None:
        """Finish what has been begun, then end."""
        self._stopping.set()

    def run(self) -> None:
        """Submit rides until told to stop."""
        with httpx.Client(
            base_url=self._url, headers=self._headers, timeout=ANSWER_SECONDS, trust_env=False
        ) as client:
            while not self._stopping.is_set():
                self._insist(client, [self._ride() for _ in range(self._style.at_once)])
                self._stopping.wait(self._style.pause)

    def _insist(self, client: httpx.Client, rides: Sequence[dict[str, Any]]) -> None:
        deadline = None
        while deadline is None or time.monotonic() < deadline:
            if self._submit(client, rides):
                return
            time.sleep(TRY_AGAIN_SECONDS)
            if deadline is None and self._stopping.is_set():
                deadline = time.monotonic() + MOST_PATIENCE_SECONDS

    def _submit(self, client: httpx.Client, rides: Sequence[dict[str, Any]]) -> bool:
        try:
            if len(rides) == 1:
                answer = client.post(ONE, json=rides[0])
            else:
                answer = client.post(MANY, json={"items": rides})
        except httpx.TransportError as error:
            self._accepted.refusals[type(error).__name__] += 1
            return False
        if answer.status_code >= 500 or answer.status_code == 429:
            self._accepted.refusals[str(answer.status_code)] += 1
            return False
        self._note(rides, answer)
        return True

    def _note(self, rides: Sequence[dict[str, Any]], answer: httpx.Response) -> None:
        """Remember a final answer: which rides it says yes to, and whether it is as expected."""
        if answer.status_code == 201 and len(rides) == 1:
            self._accepted.rides[rides[0]["ride"]] = str(answer.json()["id"])
        elif answer.status_code == 409 and len(rides) == 1:
            self._accepted.rides[rides[0]["ride"]] = answer.json()["ride_completion"] or ""
        elif answer.status_code == 201:
            for ride, result in zip(rides, answer.json()["results"], strict=True):
                self._accepted.rides[ride["ride"]] = str(result.get("id", ""))
        else:
            self._accepted.unexpected.append(f"{answer.status_code} {answer.text[:200]}")

    def _ride(self) -> dict[str, Any]:
        fare = self._random.choice(self._style.fares)
        return {
            "ride": f"{self._run}-{next(self._numbers)}",
            "from": "Berlin",
            "to": "Frankfurt",
            "duration": 420,
            "distance": self._random.choice([5, 20, 600]),
            "customer": self._style.customer,
            "fare": fare,
        }


STYLES = (
    Style("cmr", pause=0.25),
    *(Style(f"customer{number}") for number in range(1, 4)),
    Style("crowd1", at_once=10, pause=0.2),
    Style("crowd2", at_once=25, pause=0.4),
)
BESIDE_QUOTES = (Style("cmr", pause=0.2), Style("crowd1", at_once=10, pause=0.5))


@contextmanager
def rides_keep_coming(
    *, url: str, token: str, styles: Sequence[Style] = STYLES
) -> Iterator[Accepted]:
    """Submit rides during the block; at its end every client has had its last answer."""
    accepted = Accepted()
    posters = [Poster(url=url, token=token, style=style, accepted=accepted) for style in styles]
    for poster in posters:
        poster.start()
    try:
        yield accepted
    finally:
        for poster in posters:
            poster.stop()
        for poster in posters:
            poster.join()
