"""Token Bucket: so many requests at once, and no more in the long run than the rate.

A bucket is kept in Redis as the moment at which it will be full again, in microseconds of Redis's
clock. One that is full is not there at all.

Guarantee: however many processes take at once, no more is given than the bucket holds; one round
trip each.
Does not guarantee: anything over a loss of Redis's data. Every bucket is full then.
Source: RFC 2697 (token bucket); ITU-T I.371 (the same, as a virtual scheduling algorithm).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from wildrydes import redis
from wildrydes.front_door.rates import Rate

MICROSECONDS = 1_000_000

# A clock that was put back must not keep anyone out for longer than an empty bucket does.
TAKE = """
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local each, whole = tonumber(ARGV[1]), tonumber(ARGV[2])
local full_at = tonumber(redis.call('GET', KEYS[1]) or now)
full_at = math.min(math.max(full_at, now), now + whole)
local after = (full_at - now) + each
if after > whole + 1 then
    return {0, math.ceil(full_at - now)}
end
local kept_for = math.max(1, math.ceil(after / 1000))
redis.call('SET', KEYS[1], string.format('%.0f', now + after), 'PX', kept_for)
return {1, math.ceil(after)}
"""
SCRIPT = redis.Script(TAKE)


@dataclass(frozen=True, kw_only=True)
class Taken:
    """What became of a wish for a token. `full_in` are the seconds until the bucket is full."""

    rate: Rate
    is_given: bool
    full_in: float

    @property
    def left(self) -> int:
        """Return how many tokens are left."""
        missing = self.full_in * self.rate.most / self.rate.seconds
        return max(0, math.floor(self.rate.most - missing + 1e-6))

    @property
    def next_in(self) -> float:
        """Return the seconds until there is a token."""
        each = self.rate.seconds / self.rate.most
        return max(0.0, self.full_in + each - self.rate.seconds)


def take(bucket: str, *, rate: Rate) -> Taken:
    """Take a token out of a bucket, if there is one. Raises `RedisError` where Redis is away."""
    each, whole = rate.seconds * MICROSECONDS / rate.most, rate.seconds * MICROSECONDS
    given, debt = SCRIPT.run(bucket, each, whole)
    return Taken(rate=rate, is_given=bool(given), full_in=debt / MICROSECONDS)
