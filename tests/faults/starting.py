"""Clients that start sagas over HTTP, insist until they are told yes, and remember it.

Each saga's input says how its participants behave and in which statuses it may end.
"""

from __future__ import annotations

import itertools
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

PATH = "/api/v1/probe-journeys"
ANSWER_SECONDS = 5.0
TRY_AGAIN_SECONDS = 0.1
MOST_PATIENCE_SECONDS = 30.0
DOWN_SECONDS = 0.6

JOURNEY, HURRY = "probe.journey", "probe.hurry"
COMPLETED, COMPENSATED, STUCK = "completed", "compensated", "stuck"


@dataclass(frozen=True)
class Plan:
    """What steps do that do not simply work, and in which statuses such a saga may end."""

    ends: tuple[str, ...] = (COMPLETED,)
    do: Mapping[str, str] = field(default_factory=dict)
    undo: Mapping[str, str] = field(default_factory=dict)
    name: str = JOURNEY

    def as_input(self) -> dict[str, Any]:
        """Return the input of a saga that goes by this plan."""
        return {"do": _timed(self.do), "undo": _timed(self.undo), "ends": list(self.ends)}


def _timed(conducts: Mapping[str, str]) -> dict[str, str]:
    until = time.time() + DOWN_SECONDS
    return {step: f"down:{until}" if one == "down" else one for step, one in conducts.items()}


# One that is in a hurry gives up on what others make it wait for: so faults may end it either way.
EITHER = (COMPLETED, COMPENSATED, STUCK)
PLANS = (
    *(Plan() for _ in range(4)),
    Plan(do={"left": "slow", "pay": "slow"}),
    Plan(do={"right": "later", "grant": "later"}),
    Plan(do={"hold": "down", "pay": "down"}),
    Plan((COMPENSATED,), do={"left": "refuse"}),
    Plan((COMPENSATED,), do={"pay": "refuse"}, undo={"right": "slow", "hold": "down"}),
    Plan((COMPENSATED,), do={"grant": "refuse"}, undo={"pay": "later"}),
    Plan((COMPENSATED,), do={"right": "raise"}),
    Plan((STUCK,), do={"pay": "refuse"}, undo={"hold": "refuse"}),
    Plan((STUCK,), do={"grant": "raise"}),
    Plan(EITHER, name=HURRY),
    Plan((COMPENSATED, STUCK), do={"left": "silent"}, name=HURRY),
)


@dataclass
class Started:
    """What was told yes: key -> id of the saga."""

    sagas: dict[str, str] = field(default_factory=dict)
    refusals: Counter[str] = field(default_factory=Counter)
    unexpected: list[str] = field(default_factory=list)


class Starter(threading.Thread):
    """One client that starts so many sagas at a time, with a pause in between."""

    def __init__(
        self, *, url: str, at_once: int, pause: float, plans: Sequence[Plan], started: Started
    ) -> None:
        super().__init__(name=f"sagas, {at_once} at once", daemon=True)
        self._url, self._at_once, self._pause = url, at_once, pause
        self._plans, self._told = plans, started
        self._stopping = threading.Event()
        self._keys = (f"{at_once}-{time.time_ns():x}-{number}" for number in itertools.count(1))
        self._random = random.Random(at_once)

    def stop(self) -> None:
        """Finish what has been begun, then end."""
        self._stopping.set()

    def run(self) -> None:
        """Start sagas until told to stop."""
        with httpx.Client(base_url=self._url, timeout=ANSWER_SECONDS, trust_env=False) as client:
            while not self._stopping.is_set():
                self._insist(client, [self._saga() for _ in range(self._at_once)])
                self._stopping.wait(self._pause)

    def _saga(self) -> dict[str, Any]:
        plan = self._random.choice(self._plans)
        return {"name": plan.name, "key": next(self._keys), "input": plan.as_input()}

    def _insist(self, client: httpx.Client, items: Sequence[dict[str, Any]]) -> None:
        deadline = None
        while deadline is None or time.monotonic() < deadline:
            if self._start(client, items):
                return
            time.sleep(TRY_AGAIN_SECONDS)
            if deadline is None and self._stopping.is_set():
                deadline = time.monotonic() + MOST_PATIENCE_SECONDS

    def _start(self, client: httpx.Client, items: Sequence[dict[str, Any]]) -> bool:
        try:
            answer = client.post(PATH, json={"items": items})
        except httpx.TransportError as error:
            self._told.refusals[type(error).__name__] += 1
            return False
        if answer.status_code >= 500 or answer.status_code == 429:
            self._told.refusals[str(answer.status_code)] += 1
            return False
        if answer.status_code != 201:
            self._told.unexpected.append(f"{answer.status_code} {answer.text[:200]}")
            return True
        keys = [item["key"] for item in items]
        self._told.sagas.update(zip(keys, answer.json()["ids"], strict=True))
        return True


@contextmanager
def sagas_keep_starting(*, url: str, plans: Sequence[Plan] = PLANS) -> Iterator[Started]:
    """Start sagas during the block; at its end every client has had its last answer."""
    started = Started()
    styles = ((1, 0.15), (10, 1.0)) if plans else ()
    starters = [
        Starter(url=url, at_once=at_once, pause=pause, plans=plans, started=started)
        for at_once, pause in styles
    ]
    for starter in starters:
        starter.start()
    try:
        yield started
    finally:
        for starter in starters:
            starter.stop()
        for starter in starters:
            starter.join()
