"""How a fleet behaves when it is asked: at once, after a while, not at all, or it fails.

It is decided by a hash of request and fleet: a request that is delivered again meets the same
behaviour, and so does one that is replayed.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from datetime import timedelta
from statistics import NormalDist
from uuid import UUID

STANDARD = NormalDist()
BEYOND_MOST = STANDARD.inv_cdf(0.99)
STEPS = 2**52


@dataclass(frozen=True, kw_only=True)
class Behaviour:
    """How often a fleet answers, how often it fails, and after how many seconds it answers.

    Delays are log-normal around their median, such that one in a hundred would be longer than the
    longest; what is beyond the shortest or the longest is cut to it. A median of 0: at once.
    """

    answer_rate: float = 1.0
    fault_rate: float = 0.0
    delay_min_seconds: float = 0.0
    delay_median_seconds: float = 0.0
    delay_max_seconds: float = 0.0


@dataclass(frozen=True)
class Silence:
    """Never answer."""


@dataclass(frozen=True)
class Fault:
    """Fail, and go on failing."""


@dataclass(frozen=True)
class AnswerAfter:
    """Answer when so long has passed since the request; zero: at once."""

    delay: timedelta


Conduct = Silence | Fault | AnswerAfter


def decide(*, behaviour: Behaviour, request: UUID, fleet: str) -> Conduct:
    """Return how this fleet treats this request: always the same way."""
    if _share(request, fleet, "answer") >= behaviour.answer_rate:
        return Silence()
    if _share(request, fleet, "fault") < behaviour.fault_rate:
        return Fault()
    return AnswerAfter(_delay(behaviour, _share(request, fleet, "delay")))


def _delay(behaviour: Behaviour, share: float) -> timedelta:
    shortest, longest = behaviour.delay_min_seconds, behaviour.delay_max_seconds
    median = behaviour.delay_median_seconds
    if median <= 0:
        return timedelta(0)
    spread = math.log(max(longest, median) / median) / BEYOND_MOST
    seconds = median * math.exp(spread * STANDARD.inv_cdf(share or 1 / STEPS))
    return timedelta(seconds=max(shortest, min(longest, seconds)))


def _share(request: UUID, fleet: str, what: str) -> float:
    """Return a number in [0, 1) that looks random and is always the same."""
    text = f"{request}/{fleet}/{what}".encode()
    number = int.from_bytes(hashlib.blake2b(text, digest_size=8).digest()) >> 12
    return number / STEPS
