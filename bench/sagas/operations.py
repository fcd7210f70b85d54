"""What the tasks of a chain do: leave an effect, keep the status. Safe to call twice."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from uuid import UUID

from django.utils import timezone

from bench.sagas import names
from bench.sagas.models import Effect, Status


def begin(sagas: Sequence[UUID]) -> None:
    """Keep a status row for each saga, in one statement and one commit."""
    Status.objects.bulk_create([Status(id=saga) for saga in sagas])


def record(*, saga: str, step: str, customer: str, amount: str) -> None:
    """Keep one effect in one statement and one commit; with the last one the saga has ended."""
    effect = Effect(saga_id=UUID(saga), step=step, customer=customer, amount=Decimal(amount))
    Effect.objects.bulk_create([effect], ignore_conflicts=True)
    if step == names.STEPS[-1]:
        running = Status.objects.filter(id=saga, status="running")
        running.update(status="completed", ended_at=timezone.now())
