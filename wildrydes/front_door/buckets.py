"""Token Bucket: so many requests at once, and no more in the long run than the rate.

A bucket is kept in Redis as the moment at which it will be full again, in microseconds of Redis's
clock. One that is full is not there at all. A process takes a tenth of what is left at a time
and gives it without a round trip. What it holds is void as the bucket would fill up: of what was
taken from a bucket, never more is held than is missing there, so that both together are no more
than the bucket holds.

Guarantee: however many processes take at once, no more is given in any stretch of time than the
bucket holds and what the rate adds meanwhile.
Does not guarantee: anything over a loss of Redis's data; every bucket is full then. Nor that
everything is given: what one process holds, at most a tenth of what was left when it came,
another does not find.
Source: RFC 2697 (token bucket); ITU-T I.371 (the same, as a virtual scheduling algorithm).
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from wildrydes import redis
from wildrydes.front_door.rates import Rate

MICROSECONDS = 1_000_000
PORTION = 0.1
MOST_BUCKETS = 10_000

# A clock that was put back must not keep anyone out for longer than an empty bucket does.
TAKE = """
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local each, whole, portion = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local full_at = tonumber(redis.call('GET', KEYS[1]) or now)
full_at = math.min(math.max(full_at, now), now + whole)
local left = (whole - (full_at - now)) / each
local tokens = math.max(1, math.floor(left * portion))
local after = (full_at - now) + tokens * each
if after > whole + 1 then
    return {0, math.ceil(full_at - now)}
end
local kept_for = math.max(1, math.ceil(after / 1000))
redis.call('SET', KEYS[1], string.format('%.0f', now + after), 'PX', kept_for)
return {tokens, math.ceil(after)}
"""
SCRIPT = redis.Script(TAKE)


@dataclass(frozen=True, kw_only=True)
class Taken:
    """What became of a wish for a token. `full_in` are the seconds until the bucket is full.

    What this process holds counts as left.
    """

    rate: Rate
    is_given: bool
    full_in: float

    @property
    def left(self) -> int:
        """Return how many tokens are left."""
        missing = self.full_in / self.rate.each
        return max(0, math.floor(self.rate.most - missing + 1e-6))

    @property
    def next_in(self) -> float:
        """Return the seconds until there is a token."""
        return max(0.0, self.full_in + self.rate.each - self.rate.seconds)


@dataclass(kw_only=True)
class Portion:
    """Tokens that were taken together, and when their bucket was to be full without another."""

    tokens: float
    full_at: float

    def shrink(self, now: float, *, each: float) -> None:
        """Let go of what would overflow if it went back."""
        self.tokens = min(self.tokens, (self.full_at - now) / each)


class Portions:
    """What one process has taken from buckets and not given yet. Threads may share it.

    `clock` returns seconds and is never put back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._held: dict[str, list[Portion]] = {}

    def take(self, bucket: str, *, rate: Rate) -> Taken:
        """Take a token, of what is held or else out of the bucket, if there is one.

        Raises `RedisError` where Redis is away.
        """
        return self._of_what_is_held(bucket, rate) or self._of_the_bucket(bucket, rate)

    def _of_what_is_held(self, bucket: str, rate: Rate) -> Taken | None:
        with self._lock:
            now = self._clock()
            held = self._usable(bucket, rate, now)
            if not held:
                return None
            held[0].tokens -= 1
            return Taken(rate=rate, is_given=True, full_in=_full_in(held, now, rate))

    def _of_the_bucket(self, bucket: str, rate: Rate) -> Taken:
        now = self._clock()
        each, whole = rate.each * MICROSECONDS, rate.seconds * MICROSECONDS
        tokens, debt = SCRIPT.run(bucket, each, whole, PORTION)
        came = Portion(tokens=max(0, tokens - 1), full_at=now + debt / MICROSECONDS)
        with self._lock:
            held = [*self._usable(bucket, rate, now), came]
            if came.tokens:
                self._keep(bucket, held)
        return Taken(rate=rate, is_given=bool(tokens), full_in=_full_in(held, now, rate))

    def _usable(self, bucket: str, rate: Rate, now: float) -> list[Portion]:
        held = self._held.get(bucket, [])
        for portion in held:
            portion.shrink(now, each=rate.each)
        return [portion for portion in held if portion.tokens >= 1]

    def _keep(self, bucket: str, held: list[Portion]) -> None:
        if len(self._held) >= MOST_BUCKETS:
            self._held.clear()
        self._held[bucket] = held


def _full_in(held: list[Portion], now: float, rate: Rate) -> float:
    full_at = max(portion.full_at for portion in held)
    return full_at - now - rate.each * sum(portion.tokens for portion in held)


PORTIONS = Portions()


def take(bucket: str, *, rate: Rate) -> Taken:
    """Take a token for a caller of this process. Raises `RedisError` where Redis is away."""
    return PORTIONS.take(bucket, rate=rate)
