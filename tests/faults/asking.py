"""Clients of instant rides: they ask for quotes, answer by themselves, accept and ride.

What they were told yes is remembered. Nobody insists: what was not answered may be there or not.
"""

from __future__ import annotations

import queue
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.faults.servers import Ground

ASK = "/api/v1/instant-ride-rfqs"
ANSWER_SECONDS = 6.0
WAIT_SECONDS = 4
COMPLETE = "/api/v1/ride-completions"
TRY_AGAIN_SECONDS = 0.1
TRIES = 20
AT_ONCE = 0.7
PUT_OFF = 10
EXPECTED = (200, 201, 404, 409, 410, 429)

Asked = queue.Queue[str]


@dataclass(frozen=True)
class Asking:
    """How one client asks: for how long, how often, how many times, and whether to take a ride.

    `deadlines` are in seconds, and drawn from.
    """

    customer: str
    deadlines: tuple[float, ...] = (1, 2, 3)
    pause: float = 0.5
    at_most: int = 1_000_000
    rides: bool = False


@dataclass
class Told:
    """What was told yes: requests, answers by (request, fleet), and rides with their requests."""

    rfqs: list[str] = field(default_factory=list)
    answers: dict[tuple[str, str], str] = field(default_factory=dict)
    rides: dict[str, str] = field(default_factory=dict)
    refusals: Counter[str] = field(default_factory=Counter)
    unexpected: list[str] = field(default_factory=list)


class Caller(threading.Thread):
    """One client, one request at a time, until it is told to stop."""

    def __init__(self, name: str, *, url: str, token: str, told: Told) -> None:
        super().__init__(name=name, daemon=True)
        self._url = url
        self._headers = {"Authorization": f"Token {token}"}
        self._told = told
        self._stopping = threading.Event()
        self._random = random.Random(name)

    def stop(self) -> None:
        """Finish what has been begun, then end."""
        self._stopping.set()

    def run(self) -> None:
        """Go on until told to stop."""
        with httpx.Client(
            base_url=self._url, headers=self._headers, timeout=ANSWER_SECONDS, trust_env=False
        ) as client:
            self._go_on(client)

    def _go_on(self, client: httpx.Client) -> None:
        raise NotImplementedError

    def _call(self, client: httpx.Client, method: str, path: str, body: Any = None) -> Any:
        """Return the answer, or None where there was none that settles anything."""
        try:
            answer = client.request(method, path, json=body)
        except httpx.TransportError as error:
            self._told.refusals[type(error).__name__] += 1
            return None
        if answer.status_code >= 500 or answer.status_code == 429:
            self._told.refusals[str(answer.status_code)] += 1
            return None
        if answer.status_code not in EXPECTED:
            self._told.unexpected.append(f"{path}: {answer.status_code} {answer.text[:200]}")
            return None
        return answer

    def _insist(self, client: httpx.Client, method: str, path: str, body: Any = None) -> Any:
        for _ in range(TRIES):
            if (answer := self._call(client, method, path, body)) is not None:
                return answer
            time.sleep(TRY_AGAIN_SECONDS)
        return None


class Passenger(Caller):
    """Staff who ask for a customer; some accept a quote, twice at once, and ride."""

    def __init__(
        self, style: Asking, *, url: str, token: str, told: Told, asked: Sequence[Asked]
    ) -> None:
        super().__init__(f"quotes for {style.customer}", url=url, token=token, told=told)
        self._style = style
        self._asked = asked

    def _go_on(self, client: httpx.Client) -> None:
        asked = 0
        while asked < self._style.at_most and not self._stopping.is_set():
            rfq = self._ask(client)
            asked += bool(rfq)
            if rfq and self._style.rides:
                self._ride(client, rfq)
            self._stopping.wait(self._style.pause if rfq else TRY_AGAIN_SECONDS)

    def _ask(self, client: httpx.Client) -> str:
        wanted = {"from": "Cape Town", "to": "Paarl", "customer": self._style.customer}
        deadline = self._random.choice(self._style.deadlines)
        answer = self._call(client, "POST", ASK, {**wanted, "deadline_seconds": deadline})
        if answer is None:
            return ""
        rfq = str(answer.json()["id"])
        self._told.rfqs.append(rfq)
        for fleet in self._asked:
            fleet.put(rfq)
        return rfq

    def _ride(self, client: httpx.Client, rfq: str) -> None:
        shown = self._call(client, "GET", f"{ASK}/{rfq}?wait={WAIT_SECONDS}")
        quotes = [item for item in shown.json()["quotes"] if not item["late"]] if shown else []
        with ThreadPoolExecutor(2) as pool:
            both = [item["responder"] for item in (quotes[:2] or quotes)]
            answers = list(pool.map(lambda fleet: self._accept(client, rfq, fleet), both))
        for answer in answers:
            if answer is not None and answer.status_code == 201:
                self._told.rides[str(answer.json()["id"])] = rfq
                self._take(client, answer.json())

    def _accept(self, client: httpx.Client, rfq: str, responder: str) -> Any:
        return self._call(client, "POST", f"{ASK}/{rfq}/accept", {"responder": responder})

    def _take(self, client: httpx.Client, ride: dict[str, Any]) -> None:
        self._insist(client, "POST", f"/api/v1/rides/{ride['id']}/start", {})
        report = {name: ride[name] for name in ("from", "to", "customer")}
        length = {"duration": 3600, "distance": 55}
        self._insist(
            client, "POST", COMPLETE, {**report, **length, "ride": ride["id"], "fare": 64.2}
        )


class Fleet(Caller):
    """A unicorn whose fleet answers by itself; some it answers twice, some late, some not."""

    def __init__(self, fleet: str, *, url: str, token: str, told: Told, asked: Asked) -> None:
        super().__init__(f"answers of {fleet}", url=url, token=token, told=told)
        self._fleet = fleet
        self._asked = asked

    def _go_on(self, client: httpx.Client) -> None:
        put_off: list[str] = []
        while not self._stopping.is_set():
            try:
                put_off.append(self._asked.get(timeout=0.05))
            except queue.Empty:
                continue
            if self._random.random() < AT_ONCE:
                self._answer(client, put_off.pop())
            elif len(put_off) > PUT_OFF:
                self._answer(client, put_off.pop(0))

    def _answer(self, client: httpx.Client, rfq: str) -> None:
        amount = f"{self._random.randint(1000, 9999) / 100:.2f}"
        for quote in self._random.choice([[amount], [amount, amount], [amount, "99999.99"]]):
            answer = self._call(client, "POST", f"{ASK}/{rfq}/quotes", {"quote": quote})
            if answer is not None and answer.status_code == 201:
                self._told.answers[rfq, self._fleet] = quote


SOME = (
    Asking("passenger1"),
    Asking("passenger2"),
    Asking("passenger3", deadlines=(2, 4), rides=True),
    Asking("passenger4", deadlines=(2, 4), rides=True),
)
A_THOUSAND = tuple(
    Asking(f"crowd{number}", deadlines=(25,), pause=0.0, at_most=125) for number in range(8)
)


@contextmanager
def quotes_keep_being_asked(
    *, url: str, ground: Ground, styles: Sequence[Asking] = SOME
) -> Iterator[Told]:
    """Ask, answer, accept and ride during the block; at its end all have had their last answer."""
    told = Told()
    asked: dict[str, Asked] = {fleet: queue.Queue() for fleet in ground.fleets}
    callers: list[Caller] = [
        Fleet(fleet, url=url, token=token, told=told, asked=asked[fleet])
        for fleet, token in ground.fleets.items()
        if styles
    ]
    callers += [
        Passenger(style, url=url, token=ground.staff, told=told, asked=tuple(asked.values()))
        for style in styles
    ]
    for caller in callers:
        caller.start()
    try:
        yield told
    finally:
        for caller in callers:
            caller.stop()
        for caller in callers:
            caller.join()
