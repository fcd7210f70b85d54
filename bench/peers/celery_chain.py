"""Stock Celery 5.7: a chain of five tasks for each saga, results kept in Redis.

Settings: Celery's defaults (prefetch 4, gossip, mingle, heartbeat, JSON), `acks_late`, and the
result backend in the same Redis. Worker: `celery worker --concurrency 2`, the prefork pool; by
default Celery also closes Django's connections around every task. Each task leaves its effect in
one statement and one commit, the last one also closes the status row, which was committed before
the chain was sent. What it does not have: a history, compensations, a timeout. A chain whose task
failed, or that was lost with Redis, leaves its status as it is for ever.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from celery import Celery, Task, chain
from django.conf import settings

from bench.sagas import names

Tasks = Sequence["Task[..., str]"]


def add_tasks(to: Celery) -> Tasks:
    """Return the five tasks, as this app's."""
    return [_task(to, step) for step in names.STEPS]


def send(tasks: Tasks, sagas: Sequence[UUID]) -> None:
    """Keep the status of all, then send the chain of each."""
    from bench.sagas import operations  # noqa: PLC0415 - Django is set up by now

    operations.begin(sagas)
    for saga in sagas:
        chain(*(task.si(str(saga), **names.INPUT) for task in tasks)).apply_async()


def _task(to: Celery, step: str) -> Task[..., str]:
    @to.task(name=step)
    def record(saga: str, customer: str, amount: str) -> str:
        # The worker sets Django up only after it has imported this module.
        from bench.sagas import operations  # noqa: PLC0415

        operations.record(saga=saga, step=step, customer=customer, amount=amount)
        return saga

    return record


app = Celery("chain", broker=settings.REDIS_URL, backend=settings.REDIS_URL)
app.conf.task_acks_late = True
TASKS = add_tasks(app)


def start(sagas: Sequence[UUID]) -> None:
    """Start these sagas."""
    send(TASKS, sagas)
