"""The five handlers of Wild Rydes, twice: for whole batches, and for one message at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal

from bench.service.models import Effect
from bench.subscribers import SUBSCRIBERS, batch_subscription, single_subscription
from wildrydes.envelope import Envelope
from wildrydes.subscriptions import subscribe, subscribe_batch


def _effect(subscriber: str, envelope: Envelope) -> Effect:
    return Effect(
        event_id=envelope.id,
        subscriber=subscriber,
        customer=envelope.data["customer"],
        amount=Decimal(str(envelope.data["fare"])),
    )


def _batch_handler(subscriber: str) -> Callable[[Sequence[Envelope]], None]:
    def record_all(envelopes: Sequence[Envelope]) -> None:
        Effect.objects.bulk_create([_effect(subscriber, envelope) for envelope in envelopes])

    return record_all


def _single_handler(subscriber: str) -> Callable[[Envelope], None]:
    def record_one(envelope: Envelope) -> None:
        _effect(subscriber, envelope).save(force_insert=True)

    return record_one


for _name in SUBSCRIBERS:
    subscribe_batch(batch_subscription(_name))(_batch_handler(_name))
    subscribe(single_subscription(_name))(_single_handler(_name))
