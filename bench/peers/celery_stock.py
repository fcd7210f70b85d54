"""Stock Celery 5.7: five `.delay()` calls, and tasks that are acknowledged when they are done.

Settings: Celery's defaults (prefetch 4, gossip, mingle, heartbeat, JSON) and `acks_late`. No result
backend, which is the default. Worker: `celery worker --concurrency 2`, the prefork pool, log level
WARNING, which is the default. By default Celery also closes Django's connections around every
task. Ride, serializer and Django settings are `usual_way`'s; its tasks are
not, because they may take effect twice and read the ride again.
"""

from __future__ import annotations

from celery import Celery, Task
from django.conf import settings

from bench.subscribers import SUBSCRIBERS

app = Celery("stock", broker=settings.REDIS_URL)
app.conf.task_acks_late = True


def _task(subscriber: str) -> Task[..., None]:
    @app.task(name=f"record_{subscriber}")
    def record(event_id: str, customer: str, amount: str) -> None:
        # The worker sets Django up only after it has imported this module.
        from bench.service import operations  # noqa: PLC0415

        operations.record(
            subscriber=subscriber, event_id=event_id, customer=customer, amount=amount
        )

    return record


TASKS = [_task(subscriber) for subscriber in SUBSCRIBERS]


def announce(event_id: str, customer: str, amount: str) -> None:
    """Call five tasks."""
    for task in TASKS:
        task.delay(event_id, customer, amount)
