"""Load Shedding: when what was accepted is not carried out in time, no more is accepted.

The pressure is the age of the oldest thing that waits, as a share of its limit: a message that no
relay has routed, or one that waits for a place in a queue which has such a limit and a consumer
that is there. A subscriber that is down has its messages kept for it, and stops nobody.

Guarantee: from a pressure of 1 on new work is answered 503 with Retry-After, until it has sunk
well below; what matters less is refused from half of that on, or what the settings say. What was
accepted stays accepted.
Does not guarantee: that nothing is accepted in the fraction of a second before the pressure is
seen. While Postgres does not answer the door is as it was; requests fail by themselves then.
Source: Nygard, Release It! (Shed Load, Back Pressure); promise 8 of the design.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog
from django.db import DatabaseError, InterfaceError, connection
from prometheus_client import Counter, Gauge

from wildrydes.conf import kernel_settings
from wildrydes.front_door import figures

log = structlog.get_logger(__name__)

REFUSED = Counter(
    "wildrydes_requests_refused", "Requests refused because of overload, by stage.", ["stage"]
)
REFUSES = Gauge(
    "wildrydes_admission_refuses",
    "1 while this kind of work is refused: early is what matters less, last what matters most.",
    ["stage"],
    multiprocess_mode="max",
)
PRESSURE = Gauge(
    "wildrydes_admission_pressure",
    "Age of the oldest waiting message as a share of its limit; from 1 on all work is refused.",
    multiprocess_mode="max",
)

LOOK_SECONDS = 0.25
OPENS_AGAIN_AT = 0.8
EARLY, LAST = "early", "last"
ASKS_FOR_LITTLE = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, kw_only=True)
class Buffer:
    """A queue with a limit: how old the oldest message is that waits for a place in it."""

    age_seconds: float
    limit_seconds: float
    is_served: bool

    @property
    def share(self) -> float:
        """Return the age as a share of the limit; nothing where no consumer is there."""
        return self.age_seconds / self.limit_seconds if self.is_served else 0.0


def buffers() -> dict[str, Buffer]:
    """Return every queue that has a limit, as it is now."""
    limits = figures.refuse_beyond_seconds()
    waits = figures.oldest_waiting(list(limits))
    return {
        name: Buffer(
            age_seconds=waits[name].age_seconds if name in waits else 0.0,
            limit_seconds=limit,
            is_served=name in waits and waits[name].is_served,
        )
        for name, limit in limits.items()
    }


def pressure() -> float:
    """Return the greatest age of anything that waits, as a share of its limit."""
    return _pressure(buffers())


def _pressure(found: Mapping[str, Buffer]) -> float:
    lag_limit = kernel_settings().admission_lag.total_seconds()
    lag = figures.relay_lag_seconds() / lag_limit
    return max([lag, *(buffer.share for buffer in found.values())])


def stages() -> dict[str, float]:
    """Return from which pressure on each kind of work is refused, what matters less first."""
    return {EARLY: kernel_settings().admission_early_percent / 100, LAST: 1.0}


def state() -> dict[str, Any]:
    """Return how things stand at the door, for people and monitors."""
    found = buffers()
    now = _pressure(found)
    refuses = _door.refuses if _door else {name: now >= limit for name, limit in stages().items()}
    return {
        "pressure": round(now, 3),
        "stages": {
            name: {"refuses_from": limit, "refuses": refuses[name]}
            for name, limit in stages().items()
        },
        "buffers": {
            name: {
                "age_seconds": round(buffer.age_seconds, 3),
                "limit_seconds": buffer.limit_seconds,
                "is_served": buffer.is_served,
            }
            for name, buffer in found.items()
            if buffer.age_seconds
        },
    }


@dataclass
class Admission:
    """Who may come in. `guarded` are the paths of new work; `refused_last` the most important.

    Both are beginnings of paths. Whoever only asks, logs in or puts things right always may.
    """

    guarded: Sequence[str]
    refused_last: Sequence[str]
    measure: Callable[[], float] = pressure
    refuses: dict[str, bool] = field(
        default_factory=lambda: dict.fromkeys((EARLY, LAST), False), init=False
    )

    def admits(self, method: str, path: str) -> bool:
        """Say whether a request may come in. Costs no look at anything but memory."""
        if method in ASKS_FOR_LITTLE or not path.startswith(tuple(self.guarded)):
            return True
        stage = LAST if path.startswith(tuple(self.refused_last)) else EARLY
        if self.refuses[stage]:
            REFUSED.labels(stage).inc()
            return False
        return True

    def look(self) -> None:
        """Measure the pressure, and open or close the door for each kind of work."""
        now = self.measure()
        PRESSURE.set(now)
        for stage, limit in stages().items():
            refuses = self.refuses[stage]
            closes = now >= (limit * OPENS_AGAIN_AT if refuses else limit)
            REFUSES.labels(stage).set(closes)
            if closes != refuses:
                self.refuses[stage] = closes
                log.warning("admission", refuses=closes, stage=stage, pressure=round(now, 2))

    def keep_looking(self) -> None:
        """Look four times a second, in a thread of its own, until the process ends."""
        global _door
        _door = self
        threading.Thread(target=self._watch, name="admission", daemon=True).start()

    def _watch(self) -> None:
        pause = threading.Event()
        while True:
            try:
                self.look()
            except (DatabaseError, InterfaceError) as error:
                log.debug("admission_blind", error=str(error))
                connection.close()
            pause.wait(LOOK_SECONDS)


_door: Admission | None = None  # the one of this process, if it is one that has a door
