"""Celery 5.7, tuned by somebody who has read its documentation to the end.

Settings: results ignored, `acks_late`, prefetch 64, one priority step, no base64 around the body,
task events off, one pooled producer for the five messages of a ride, the connection to Postgres
kept from task to task. Workers: two processes with
the solo pool (no pipe to a child), without gossip, mingle and heartbeat. `ack_emulation` stays on:
without it, and without a record of one's own, a worker that dies takes its tasks along.
"""

from __future__ import annotations

from celery import Celery, Task
from django.conf import settings

from bench.subscribers import SUBSCRIBERS

app = Celery("tuned", broker=settings.REDIS_URL)
app.conf.update(
    task_acks_late=True,
    task_ignore_result=True,
    task_send_sent_event=False,
    worker_send_task_events=False,
    worker_prefetch_multiplier=64,
    broker_transport_options={"priority_steps": [0], "body_encoding": "utf-8"},
    CELERY_DB_REUSE_MAX=1_000_000,  # else Celery closes Django's connection around every task
)


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
    """Send five messages by one producer."""
    with app.producer_pool.acquire(block=True) as producer:
        for task in TASKS:
            task.apply_async(
                (event_id, customer, amount), producer=producer, argsrepr="", kwargsrepr=""
            )
