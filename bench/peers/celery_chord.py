"""Celery 5.7: a chord for each request, of sixteen chains ask -> record, closed by its body.

Settings: `acks_late`, results ignored by every task (the chord needs only its counter, not what
the tasks return), result backend in the same Redis, prefetch 64, one priority step, no base64
around the body, task events off, the connection to Postgres kept from task to task. One queue:
with one for each responder workers would watch sixteen more keys. Workers: two processes with the
solo pool, without gossip, mingle and heartbeat; prefork with two children was slower. What it does
not have: a deadline. A responder that never answers leaves its request open for ever.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from celery import Celery, chain, chord, shared_task
from django.conf import settings

from bench.asking import names

app = Celery("chord", broker=settings.REDIS_URL, backend=settings.REDIS_URL)
app.conf.update(
    task_acks_late=True,
    task_ignore_result=True,
    task_send_sent_event=False,
    worker_send_task_events=False,
    worker_prefetch_multiplier=64,
    broker_transport_options={"priority_steps": [0], "body_encoding": "utf-8"},
    CELERY_DB_REUSE_MAX=1_000_000,  # else Celery closes Django's connection around every task
)
app.set_default()


@shared_task
def ask(rfq: str, responder: str) -> dict[str, Any]:
    """Let a responder answer, which it does at once."""
    return dict(names.QUOTE)


@shared_task
def record(quote: dict[str, Any], rfq: str, responder: str) -> None:
    """Keep one quote in one statement and one commit. Safe to call twice."""
    # The worker sets Django up only after it has imported this module.
    from bench.asking.models import Quote  # noqa: PLC0415

    kept = Quote(rfq_id=UUID(rfq), responder=responder, data=quote)
    Quote.objects.bulk_create([kept], ignore_conflicts=True)


@shared_task
def close(rfq: str) -> None:
    """Close the request, once."""
    from django.utils import timezone  # noqa: PLC0415

    from bench.asking.models import Rfq  # noqa: PLC0415

    Rfq.objects.filter(id=rfq, status="open").update(status="closed", closed_at=timezone.now())


def scatter(rfq: str) -> None:
    """Ask everyone."""
    header = [chain(ask.s(rfq, name), record.s(rfq, name)) for name in names.RESPONDERS]
    chord(header, close.si(rfq)).apply_async()
