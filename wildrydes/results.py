"""The result backend: where a chord counts its parts, and where nobody waits for anything.

Celery's own subscribes whoever sends a chord by its canvas to every part's result, over a
connection that it gives up on, for good, when Redis has been away for long. Nobody here reads
results; so nothing is subscribed to.

Guarantee: sending a chord leaves no subscription behind, and raises at once when Redis is away.
Does not guarantee: that a result can be waited for. Nothing here does.
"""

from __future__ import annotations

from typing import Any

from celery.backends import redis
from redis.backoff import NoBackoff
from redis.retry import Retry


class Backend(redis.RedisBackend):
    """Celery's Redis backend without its listening side, and without its patience."""

    retry_policy = {"max_retries": 1, "interval_start": 0, "interval_step": 0, "interval_max": 0}

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.connparams["retry"] = Retry(NoBackoff(), 1)  # type: ignore[attr-defined]

    def on_task_call(self, producer: Any, task_id: str) -> None:
        """Subscribe to nothing: nobody waits for the result of a task that is sent."""

    def add_pending_result(self, result: Any, *args: Any, **options: Any) -> Any:
        """Subscribe to nothing: nobody waits for the result of a group that is sent."""
        return result
