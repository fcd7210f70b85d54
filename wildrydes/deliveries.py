"""Message History: what became of one message, for the people who ask.

Reads only what this database knows. Of a subscription whose service has a database of its own it
knows the dispatch until that is acknowledged, and afterwards that it was.
Source: Hohpe and Woolf, Message History, Message Store.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from wildrydes import topology
from wildrydes.models import Dispatch, Message, Receipt, Unrouted

PENDING = "pending"
WAITING = "waiting"
DISPATCHED = "dispatched"
ACKNOWLEDGED = "acknowledged"


@dataclass(frozen=True)
class Delivery:
    """One subscription's share of a message.

    `status` is `pending` (the relay has not seen it), `waiting` (for a place in the queue),
    `dispatched`, then the receipt's: `done`, `retrying`, `parked`, `dead`. It is `acknowledged`
    when a consumer with a database of its own has it.
    """

    subscription: str
    status: str
    attempts: int
    done_at: datetime | None


@dataclass(frozen=True)
class TimelineEntry:
    """One thing that happened to a message. `tone` is `neutral`, `good`, `waiting` or `bad`."""

    at: datetime
    what: str
    subscription: str
    detail: str
    tone: str


def deliveries_of(message_id: UUID) -> list[Delivery]:
    """Return one entry for each subscription that the message is for, in order of their names.

    An unknown message has none.
    """
    message = Message.objects.filter(id=message_id).first()
    if message is None:
        return []
    receipts = {item.subscription: item for item in Receipt.objects.filter(message_id=message_id)}
    envelope = message.to_envelope()
    chosen = topology.current().recipients(envelope, named=message.recipients)
    expected = {item.name for item in chosen}
    unseen = _unseen(message, expected - receipts.keys())
    found = [
        *(
            Delivery(name, item.status, item.attempts, item.done_at)
            for name, item in receipts.items()
        ),
        *(Delivery(name, status, 0, None) for name, status in unseen.items()),
    ]
    return sorted(found, key=lambda delivery: delivery.subscription)


def timeline_of(message_id: UUID) -> list[TimelineEntry]:
    """Return what happened to the message, in order of time: published, dispatched, received."""
    message = Message.objects.filter(id=message_id).first()
    if message is None:
        return []
    entries = [
        TimelineEntry(message.published_at, "published", "", message.type, "neutral"),
        *_dispatch_entries(message_id),
        *_receipt_entries(message_id),
    ]
    return sorted(entries, key=lambda entry: entry.at)


def _unseen(message: Message, subscriptions: set[str]) -> Mapping[str, str]:
    """Return the status of the subscriptions that have no receipt here."""
    if not subscriptions:
        return {}
    if Unrouted.objects.filter(position=message.position).exists():
        return dict.fromkeys(subscriptions, PENDING)
    dispatches = Dispatch.objects.filter(
        subscription__in=subscriptions, message_ids__contains=[message.id]
    )
    open_ = {item.subscription: DISPATCHED if item.sent_at else WAITING for item in dispatches}
    return {name: open_.get(name, ACKNOWLEDGED) for name in subscriptions}


def _dispatch_entries(message_id: UUID) -> Iterator[TimelineEntry]:
    for item in Dispatch.objects.filter(message_ids__contains=[message_id]):
        at, what = (item.sent_at, DISPATCHED) if item.sent_at else (item.created_at, WAITING)
        detail = f"one of {item.size}, sent {item.attempt} times"
        yield TimelineEntry(at, what, item.subscription, detail, "waiting")


def _receipt_entries(message_id: UUID) -> Iterator[TimelineEntry]:
    tones = {"done": "good", "dead": "bad"}
    for item in Receipt.objects.filter(message_id=message_id):
        if item.dispatched_at:
            yield TimelineEntry(
                item.dispatched_at, DISPATCHED, item.subscription, str(item.dispatch_id), "neutral"
            )
        attempts = "1 attempt" if item.attempts == 1 else f"{item.attempts} attempts"
        yield TimelineEntry(
            item.done_at or item.received_at,
            item.status,
            item.subscription,
            f"{attempts}; {item.error}" if item.error else attempts,
            tones.get(item.status, "waiting"),
        )
