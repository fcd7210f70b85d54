"""The kernel's own connection to Redis, beside the one that Celery keeps."""

from functools import cache

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from wildrydes.conf import kernel_settings

TIMEOUT_SECONDS = 5
IMPATIENT_SECONDS = 0.25
HEALTH_CHECK_SECONDS = 10


@cache
def client() -> redis.Redis:
    """Return this process's client. It is safe to share among threads, and never waits for ever.

    Answers are bytes. A call raises a `redis.RedisError` within a few seconds when Redis is away:
    it is tried once more at once, in case that the connection had gone stale, and no oftener,
    because redis-py's own retries would sleep. Whoever waits for Redis to come back decides how.
    """
    return _client(timeout=TIMEOUT_SECONDS)


@cache
def impatient_client() -> redis.Redis:
    """Return a client like `client`, for what can do without an answer that is not quick."""
    return _client(timeout=IMPATIENT_SECONDS)


def _client(*, timeout: float) -> redis.Redis:
    return redis.Redis.from_url(
        kernel_settings().redis_url,
        socket_timeout=timeout,
        socket_connect_timeout=timeout,
        health_check_interval=HEALTH_CHECK_SECONDS,
        retry=Retry(NoBackoff(), 1),
    )
