"""The kernel's own connection to Redis, beside the one that Celery keeps."""

import hashlib
import os
import threading
from functools import cache
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError
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


class Script:
    """A script, of one key, for what is asked in every request.

    Each thread keeps a connection like those of the `impatient_client`, and talks to Redis by it
    alone: the client itself, which can do more, costs three times as much CPU. It is none of the
    client's pool, where a thread that has ended would leave its place taken. A call is tried once
    more at once, as a client's.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._digest = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
        self._of_thread = threading.local()

    def run(self, key: str, *arguments: str | float) -> Any:
        """Return what the script returns. Raises `RedisError` where Redis is away."""
        try:
            return self._run(1, key, *arguments)
        except (redis.ConnectionError, redis.TimeoutError):
            return self._run(1, key, *arguments)

    def _run(self, *words: str | float) -> Any:
        try:
            return self._ask("EVALSHA", self._digest, *words)
        except NoScriptError:
            return self._ask("EVAL", self._text, *words)

    def _ask(self, *words: str | float) -> Any:
        connection = self._connection()
        connection.send_command(*words)
        return connection.read_response()

    def _connection(self) -> Any:
        found = getattr(self._of_thread, "connection", None)
        if found is None or found.pid != os.getpid():
            pool = impatient_client().connection_pool
            found = self._of_thread.connection = pool.connection_class(**pool.connection_kwargs)
        return found


def _client(*, timeout: float) -> redis.Redis:
    return redis.Redis.from_url(
        kernel_settings().redis_url,
        socket_timeout=timeout,
        socket_connect_timeout=timeout,
        health_check_interval=HEALTH_CHECK_SECONDS,
        retry=Retry(NoBackoff(), 1),
    )
