"""The kernel's own connection to Redis, beside the one that Celery keeps."""

from functools import cache

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from wildrydes.conf import kernel_settings

TIMEOUT_SECONDS = 5
HEALTH_CHECK_SECONDS = 10


@cache
def client() -> redis.Redis:
    """Return this process's client. It is safe to share among threads, and never waits for ever.

    Answers are bytes. A call raises a `redis.RedisError` within a few seconds when Redis is away:
    it is tried once more at once, in case that the connection had gone stale, and no oftener,
    because redis-py's own retries would sleep. Whoever waits for Redis to come back decides how.
    """
    return redis.Redis.from_url(
        kernel_settings().redis_url,
        socket_timeout=TIMEOUT_SECONDS,
        socket_connect_timeout=TIMEOUT_SECONDS,
        health_check_interval=HEALTH_CHECK_SECONDS,
        retry=Retry(NoBackoff(), 1),
    )
