"""The same chain of five, tuned by somebody who has read Celery's documentation to the end.

Settings: as `celery_tuned`: prefetch 64, one priority step, no base64 around the body, task events
off, the connection to Postgres kept from task to task; results are ignored, as nobody reads them.
Workers: two processes with the solo pool, without gossip, mingle and heartbeat.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from celery import Celery
from django.conf import settings

from bench.peers import celery_chain

app = Celery("chain-tuned", broker=settings.REDIS_URL)
app.conf.update(
    task_acks_late=True,
    task_ignore_result=True,
    task_send_sent_event=False,
    worker_send_task_events=False,
    worker_prefetch_multiplier=64,
    broker_transport_options={"priority_steps": [0], "body_encoding": "utf-8"},
    CELERY_DB_REUSE_MAX=1_000_000,  # else Celery closes Django's connection around every task
)
TASKS = celery_chain.add_tasks(app)


def start(sagas: Sequence[UUID]) -> None:
    """Start these sagas."""
    celery_chain.send(TASKS, sagas)
