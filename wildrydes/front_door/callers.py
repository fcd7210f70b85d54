"""Throttling of callers: one that calls too often is asked to wait, and disturbs nobody else.

Guarantee: while Redis answers, a caller gets no more than the rates allow, over all web processes;
each answer says how much is left. It costs at most one round trip to Redis, and none where no rate
holds.
Does not guarantee: anything while Redis is away. Nobody is kept out by that: it is logged, counted
and not asked again for some seconds, so that a Redis which hangs delays one request and not all.
Source: IETF, RateLimit Header Fields for HTTP; RFC 6585; Nygard, Release It! (Circuit Breaker).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import structlog
from prometheus_client import Counter
from redis.exceptions import RedisError
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from wildrydes.front_door import buckets, rates
from wildrydes.front_door.buckets import Taken
from wildrydes.front_door.live import AGAIN
from wildrydes.front_door.rates import Rate

if TYPE_CHECKING:
    from rest_framework.views import APIView  # whose class body imports this module

log = structlog.get_logger(__name__)

THROTTLED = Counter(
    "wildrydes_requests_throttled", "Requests answered 429, by the rate that was used up.", ["rate"]
)
UNJUDGED = Counter(
    "wildrydes_requests_not_throttled", "Requests let in unjudged because Redis was away."
)

LOOK, CHANGE = "look", "change"
BUCKET = "wildrydes:calls"
BLIND_SECONDS = 5.0
SAID_EVERY_SECONDS = 60.0


class Sight:
    """Whether Redis answers. Where it does not, it is left alone for a while."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._blind_until = self._silent_until = float("-inf")

    @property
    def is_clear(self) -> bool:
        """Say whether Redis may be asked."""
        return self._clock() >= self._blind_until

    def lose(self, error: Exception) -> None:
        """Note that Redis did not answer, and say so now and then."""
        now = self._clock()
        self._blind_until = now + BLIND_SECONDS
        if now >= self._silent_until:
            self._silent_until = now + SAID_EVERY_SECONDS
            log.warning("callers are not throttled: Redis is away", error=str(error))


sight = Sight()


class CallerThrottle(BaseThrottle):
    """Judge an authenticated caller by the rates of their role and of what they want."""

    _taken: Taken | None = None

    def allow_request(self, request: Request, view: APIView) -> bool:
        """Say whether the request may go on; the answer's headers say how much is left."""
        rate = _rate(request, view)
        if rate is None:
            return True
        self._taken = _take(f"{BUCKET}:{rate.name}:{request.user.get_username()}", rate)
        if self._taken is None:
            return True
        view.headers.update(_headers(self._taken))
        if not self._taken.is_given:
            THROTTLED.labels(rate.name).inc()
        return self._taken.is_given

    def wait(self) -> float | None:
        """Return the seconds until the caller may come again."""
        return self._taken.next_in if self._taken else None


def _rate(request: Request, view: APIView) -> Rate | None:
    """Return the rate that holds. Whoever is told of news has not called again."""
    known = rates.current()
    role = getattr(request.user, "role", None)
    if not known or not role or AGAIN in request.META:
        return None
    looks = request.method in SAFE_METHODS
    group = LOOK if looks else getattr(view, "throttle_scope", CHANGE)
    return rates.rate_for(known, role=role, group=group)


def _take(bucket: str, rate: Rate) -> Taken | None:
    if sight.is_clear:
        try:
            return buckets.take(bucket, rate=rate)
        except RedisError as error:
            sight.lose(error)
    UNJUDGED.inc()
    return None


def _headers(taken: Taken) -> dict[str, str]:
    left, full_in = taken.left, math.ceil(taken.full_in)
    return {
        "RateLimit-Policy": taken.rate.policy,
        "RateLimit": f'"{taken.rate.name}";r={left};t={full_in}',
    }
