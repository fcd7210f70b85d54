"""The five handlers of Wild Rydes, twice: for whole batches, and for one message at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bench.service import operations
from bench.subscribers import SUBSCRIBERS, batch_subscription, single_subscription
from wildrydes.envelope import Envelope
from wildrydes.subscriptions import subscribe, subscribe_batch


def _batch_handler(subscriber: str) -> Callable[[Sequence[Envelope]], None]:
    def record_all(envelopes: Sequence[Envelope]) -> None:
        operations.record_all(
            subscriber=subscriber,
            event_ids=[str(envelope.id) for envelope in envelopes],
            customers=[envelope.data["customer"] for envelope in envelopes],
            amounts=[str(envelope.data["fare"]) for envelope in envelopes],
        )

    return record_all


def _single_handler(subscriber: str) -> Callable[[Envelope], None]:
    def record_one(envelope: Envelope) -> None:
        operations.record(
            subscriber=subscriber,
            event_id=str(envelope.id),
            customer=envelope.data["customer"],
            amount=str(envelope.data["fare"]),
        )

    return record_one


for _name in SUBSCRIBERS:
    subscribe_batch(batch_subscription(_name))(_batch_handler(_name))
    subscribe(single_subscription(_name))(_single_handler(_name))
