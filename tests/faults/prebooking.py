"""Clients that prebook rides over HTTP in bursts, and remember what they were told yes.

Nobody insists: what was not answered may be there or not. Half of them take part in a campaign that
has too few places; now and then a customer asks twice for the same hour, and one of the two is to
be rejected.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from tests.faults.servers import Scene

PATH = "/api/v1/ride-prebookings"
ANSWER_SECONDS = 5.0
CLIENTS = 3
IN_A_BURST = 30
PAUSE_SECONDS = 2.0
TRY_AGAIN_SECONDS = 0.1
PLACES = 20
AGAIN = 10
AHEAD = timedelta(days=30)

BEGIN = """
INSERT INTO ride_prebooking_campaign (code, name, starts_at, ends_at, capacity, taken,
    discount_percent)
VALUES (%s, 'Faults', now() - interval '1 hour', now() + interval '1 day', %s, 0, 20)
"""


@dataclass
class Prebooked:
    """What was told yes: ids of prebookings; and the campaign that some took part in."""

    campaign: str = ""
    ids: list[str] = field(default_factory=list)
    refusals: Counter[str] = field(default_factory=Counter)
    unexpected: list[str] = field(default_factory=list)


class Prebooker(threading.Thread):
    """One client that prebooks as fast as it is answered, pauses, and goes on."""

    def __init__(self, name: str, *, url: str, token: str, prebooked: Prebooked) -> None:
        super().__init__(name=f"prebookings of {name}", daemon=True)
        self._url = url
        self._headers = {"Authorization": f"Token {token}"}
        self._told = prebooked
        self._customer = f"{name}-{time.time_ns():x}"
        self._first = datetime.now(UTC).replace(microsecond=0) + AHEAD
        self._numbers = itertools.count()
        self._stopping = threading.Event()

    def stop(self) -> None:
        """Finish the request at hand, then end."""
        self._stopping.set()

    def run(self) -> None:
        """Prebook until told to stop."""
        with httpx.Client(
            base_url=self._url, headers=self._headers, timeout=ANSWER_SECONDS, trust_env=False
        ) as client:
            while not self._stopping.is_set():
                for _ in range(IN_A_BURST):
                    self._prebook(client)
                self._stopping.wait(PAUSE_SECONDS)

    def _prebook(self, client: httpx.Client) -> None:
        if self._stopping.is_set():
            return
        try:
            answer = client.post(PATH, json=self._wanted(next(self._numbers)))
        except httpx.TransportError as error:
            self._refused(type(error).__name__)
            return
        if answer.status_code == 202:
            self._told.ids.append(str(answer.json()["id"]))
        elif answer.status_code >= 500 or answer.status_code == 429:
            self._refused(str(answer.status_code))
        else:
            self._told.unexpected.append(f"{answer.status_code} {answer.text[:200]}")

    def _refused(self, why: str) -> None:
        self._told.refusals[why] += 1
        time.sleep(TRY_AGAIN_SECONDS)

    def _wanted(self, number: int) -> dict[str, Any]:
        hour = number - 1 if number % AGAIN == AGAIN - 1 else number
        when = self._first + timedelta(hours=hour)
        wanted = {"from": "Berlin", "to": "Potsdam", "when": when.isoformat()}
        campaign = {"campaign": self._told.campaign} if number % 2 else {}
        return {**wanted, **campaign, "customer": self._customer}


@contextmanager
def rides_keep_being_prebooked(scene: Scene, *, wanted: bool) -> Iterator[Prebooked]:
    """Prebook during the block, if that is wanted; at its end all have had their last answer."""
    prebooked = Prebooked()
    if not wanted:
        yield prebooked
        return
    prebooked.campaign = f"faults-{time.time_ns():x}"
    with scene.sql() as connection:
        connection.execute(BEGIN.encode(), [prebooked.campaign, PLACES])
    url, token = scene.deployment.url, scene.ground.staff
    clients = [
        Prebooker(f"prebooker{number}", url=url, token=token, prebooked=prebooked)
        for number in range(CLIENTS)
    ]
    for client in clients:
        client.start()
    try:
        yield prebooked
    finally:
        for client in clients:
            client.stop()
        for client in clients:
            client.join()
