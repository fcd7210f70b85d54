"""One delivery, from the wire to the commit, as named steps."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from django.db import transaction
from prometheus_client import Counter, Histogram

from wildrydes import crashpoints, models, prepared, subscriptions, topology, wire
from wildrydes.answering import responding
from wildrydes.consumer import groups, heartbeat, reading, receipts
from wildrydes.consumer.reading import Item, Work
from wildrydes.consumer.receipts import Failure, Origin
from wildrydes.consumer.settling import Outcome, Settlement
from wildrydes.errors import WorkerLostError
from wildrydes.relay import acknowledgements
from wildrydes.retry import Dead
from wildrydes.subscriptions import Binding
from wildrydes.topology import Subscription
from wildrydes.wire import Delivery

log = structlog.get_logger(__name__)

HANDLED = Counter(
    "wildrydes_messages_handled",
    "Messages by subscription and outcome: done, duplicate, retrying, parked, dead, dropped.",
    ["subscription", "outcome"],
)
SECONDS = Histogram(
    "wildrydes_delivery_seconds", "From the start of a delivery to its commit.", ["subscription"]
)

SUSPICIOUS_ATTEMPT = 3
STARTS_AT_MOST = 2
NAMED_IN_LOG = 20

# The place that a closed dispatch frees is worth waking the relay for only where others wait.
CLOSE_DISPATCH = """
WITH closed AS (DELETE FROM wildrydes_dispatch WHERE id = %s)
SELECT pg_notify('wildrydes_relay', '') WHERE EXISTS (
    SELECT 1 FROM wildrydes_dispatch WHERE queue = %s AND sent_at IS NULL
)
"""


@dataclass(frozen=True)
class _Job:
    """A delivery, where it came from, and who handles it."""

    subscription: Subscription
    binding: Binding
    delivery: Delivery
    origin: Origin
    is_foreign: bool
    carried: bool


def consume(
    *, subscription: str, body: Mapping[str, Any], worker: str = "", carried: bool = False
) -> Outcome:
    """Handle one delivery and acknowledge it. `worker` is the name that receipts will show.

    With `carried` it is not acknowledged: the answers travel back with their chord, whose end does.

    Raises `UnreadableMessageError` when `body` is no delivery, and whatever Postgres raises when
    the transaction cannot be committed; then nothing has happened and the lease brings it back.
    """
    delivery = wire.read(body)
    crashpoints.reach("worker.received")
    started = time.perf_counter()
    logged = structlog.contextvars.bound_contextvars(
        subscription=subscription, dispatch=str(delivery.dispatch_id)
    )
    with (
        logged,
        heartbeat.of_this_process().at_work_on(
            delivery.dispatch_id, lease_until=lease_until(subscription, delivery)
        ),
        responding.hearing(),
    ):
        outcome = _carry_out(_job(subscription, delivery, worker=worker, carried=carried))
    SECONDS.labels(subscription).observe(time.perf_counter() - started)
    return outcome


def lease_until(subscription: str, delivery: Delivery) -> datetime:
    """Return until when the dispatch was leased when it was sent, by the sender's clock."""
    now = topology.current()
    return delivery.sent_at + now.queue(now.subscription(subscription).queue).lease


def _job(name: str, delivery: Delivery, *, worker: str, carried: bool) -> _Job:
    return _Job(
        subscription=topology.current().subscription(name),
        binding=subscriptions.binding(name),
        delivery=delivery,
        origin=Origin(name, delivery.dispatch_id, delivery.sent_at, worker),
        is_foreign=delivery.origin != models.origin(),
        carried=carried,
    )


def _carry_out(job: _Job) -> Outcome:
    work = reading.read(job.delivery, subscription=job.subscription)
    if job.subscription.at_most_once:
        outcome = _at_most_once(job, work)
    elif job.delivery.attempt >= SUSPICIOUS_ATTEMPT:
        outcome = _one_by_one(job, work)
    else:
        outcome = _together(job, work)
    _tell(job, work, outcome)
    return outcome


def _together(job: _Job, work: Work) -> Outcome:
    """Handle everything in one transaction. This is the way of nearly every delivery."""
    with transaction.atomic():
        outcome = _handle(job, work.items)
        outcome.dead += _put_aside(job, work)
        _answer(job, work)
        _close(job)
        crashpoints.reach("worker.handled")
    _acknowledge(job)
    return outcome


def _one_by_one(job: _Job, work: Work) -> Outcome:
    """Handle each message in a transaction of its own, and count it before it is begun.

    The dispatch came back twice, so one of its messages may be killing workers. The next worker
    that dies shows which, and the others have lost no more than a redelivery.
    """
    total = Outcome()
    for item in work.items:
        with transaction.atomic():
            starts = receipts.begin_alone(job.origin, item)
        if starts > STARTS_AT_MOST:
            total.add(_give_up_on(job, item, starts=starts - 1))
        else:
            with transaction.atomic():
                total.add(_handle(job, [item]))
    with transaction.atomic():
        total.dead += _put_aside(job, work)
        _answer(job, work)
        _close(job)
    _acknowledge(job)
    return total


def _at_most_once(job: _Job, work: Work) -> Outcome:
    """Acknowledge first, then handle: what a handler then loses is lost, and nothing is doubled."""
    with transaction.atomic():
        claimed = receipts.claim(job.origin, work.items)
        dead = _put_aside(job, work)
        _close(job)
    _acknowledge(job)
    with transaction.atomic():
        order = groups.order_of(job.subscription, work.items)
        outcome = _settle(job, work.items, claimed=claimed, order=order)
    outcome.dead += dead
    return outcome


def _handle(job: _Job, items: Sequence[Item]) -> Outcome:
    order = groups.order_of(job.subscription, items)
    claimed = receipts.claim(job.origin, items)
    crashpoints.reach("worker.claimed")
    return _settle(job, items, claimed=claimed, order=order)


def _settle(
    job: _Job, items: Sequence[Item], *, claimed: receipts.Claimed, order: groups.Order
) -> Outcome:
    todo = [item for item in items if item.id in claimed.attempts]
    settlement = Settlement(job.origin, job.subscription, job.binding, order, claimed)
    settlement.settle(todo, now=claimed.now)
    outcome = settlement.record()
    outcome.duplicate = len(items) - len(todo)
    return outcome


def _give_up_on(job: _Job, item: Item, *, starts: int) -> Outcome:
    reason = f"{starts} workers began on this message alone and did not come back"
    error = WorkerLostError(reason)
    with transaction.atomic():
        claimed = receipts.claim(job.origin, [item])
        if item.id not in claimed.attempts:
            return Outcome(duplicate=1)
        attempt = claimed.attempts[item.id]
        receipts.mark_failed(job.origin, Failure(item, attempt, error, Dead(reason)))
        groups.release_where_ordered(job.subscription, [item.envelope.group_id])
    log.error("message_kills_workers", message_id=str(item.id), starts=starts)
    return Outcome(dead=1)


def _put_aside(job: _Job, work: Work) -> int:
    for found in work.unreadable:
        group = receipts.end_unreadable(job.origin, found)
        if group is None:
            receipts.record_unreadable(job.origin, found)
        else:
            groups.release_where_ordered(job.subscription, [group])
    return len(work.unreadable)


def _answer(job: _Job, work: Work) -> None:
    """Send what a responder has to say, unless its chord carries that back."""
    if job.subscription.responder and not job.carried:
        envelopes = [item.envelope for item in work.items]
        responding.reply_all(job.subscription, envelopes)


def close_dispatch(dispatch_id: UUID, *, queue: str) -> None:
    """Close a dispatch of this database; what waits for a place in its queue may go."""
    prepared.say(CLOSE_DISPATCH, [dispatch_id, queue])


def _close(job: _Job) -> None:
    if not job.is_foreign and not job.carried:
        close_dispatch(job.delivery.dispatch_id, queue=job.subscription.queue)


def _acknowledge(job: _Job) -> None:
    crashpoints.reach("worker.committed")
    if job.is_foreign and not job.carried:
        acknowledgements.acknowledge(job.delivery.dispatch_id, origin=job.delivery.origin)
    crashpoints.reach("worker.acknowledged")


def _tell(job: _Job, work: Work, outcome: Outcome) -> None:
    for name, count in vars(outcome).items():
        if count:
            HANDLED.labels(job.subscription.name, name).inc(count)
    log.info("delivery_handled", **_ids(work.items), **vars(outcome))


def _ids(items: Sequence[Item]) -> dict[str, Any]:
    """Return whose story the delivery belongs to, for the log, where they are not too many.

    The receipt of every message names its dispatch, and so leads to this line in any case.
    """
    if len(items) == 1:
        only = items[0]
        return {"message_id": str(only.id), "correlation_id": only.envelope.correlation_id}
    if len(items) > NAMED_IN_LOG:
        return {"messages": len(items)}
    return {
        "message_ids": [str(item.id) for item in items],
        "correlation_ids": [item.envelope.correlation_id for item in items],
    }
