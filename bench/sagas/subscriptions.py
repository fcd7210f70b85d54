"""The saga of five steps, and those who take part in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from uuid import UUID

from bench.sagas import names
from bench.sagas.models import Effect
from wildrydes import saga
from wildrydes.answering import Answer, answered, answers
from wildrydes.envelope import Envelope
from wildrydes.outgoing import Plain

Doer = Callable[[Sequence[Envelope]], list[Answer | None]]


def _step(step: str) -> saga.Step:
    def command(facts: saga.Facts) -> Plain:
        return Plain(names.command_of(step), {**facts.input, "saga": str(facts.saga)})

    def compensation(facts: saga.Facts) -> Plain:
        return Plain(names.undo_of(step), {"saga": str(facts.saga)})

    return saga.Step(step, command, compensation, pivot=step == names.PIVOT)


COLLECT = saga.define(
    saga.Definition(
        name=names.SAGA,
        orchestrator=names.ORCHESTRATOR,
        steps=tuple(_step(step) for step in names.STEPS),
    )
)
saga.orchestrates(names.ORCHESTRATOR)


def _doer(step: str) -> Doer:
    def do(envelopes: Sequence[Envelope]) -> list[Answer | None]:
        Effect.objects.bulk_create([_effect(step, envelope) for envelope in envelopes])
        return [answered({}) for _ in envelopes]

    return do


def _undoer(step: str) -> Doer:
    def undo(envelopes: Sequence[Envelope]) -> list[Answer | None]:
        done = [UUID(envelope.data["saga"]) for envelope in envelopes]
        Effect.objects.filter(saga_id__in=done, step=step).delete()
        return [answered({}) for _ in envelopes]

    return undo


def _effect(step: str, envelope: Envelope) -> Effect:
    return Effect(
        saga_id=UUID(envelope.data["saga"]),
        step=step,
        customer=envelope.data["customer"],
        amount=Decimal(envelope.data["amount"]),
    )


for _name in names.STEPS:
    answers(names.doer_of(_name))(_doer(_name))
    answers(names.undoer_of(_name))(_undoer(_name))
