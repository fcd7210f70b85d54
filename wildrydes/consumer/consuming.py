"""One delivery, from the wire to the commit, as named steps."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import NAMESPACE_OID, UUID, uuid5

import structlog
from django.db import connection, transaction
from prometheus_client import Counter, Histogram

from wildrydes import context, envelope, models, retry, subscriptions, topology, wire
from wildrydes.consumer import receipts
from wildrydes.envelope import Envelope
from wildrydes.errors import UnreadableMessageError
from wildrydes.relay import acknowledgements
from wildrydes.subscriptions import Binding

log = structlog.get_logger(__name__)

HANDLED = Counter(
    "wildrydes_messages_handled",
    "Messages by subscription and outcome: done, retrying, dead, duplicate.",
    ["subscription", "outcome"],
)
SECONDS = Histogram(
    "wildrydes_delivery_seconds", "From the start of a delivery to its commit.", ["subscription"]
)

# The place that a closed dispatch frees is worth waking the relay for only where others wait.
CLOSE_DISPATCH = """
WITH closed AS (DELETE FROM wildrydes_dispatch WHERE id = %s)
SELECT pg_notify('wildrydes_relay', '') WHERE EXISTS (
    SELECT 1 FROM wildrydes_dispatch WHERE queue = %s AND sent_at IS NULL
)
"""


@dataclass
class Outcome:
    """What a delivery came to: how many messages ended how."""

    done: int = 0
    duplicate: int = 0
    retrying: int = 0
    dead: int = 0


@dataclass(frozen=True)
class _Work:
    """What is in a delivery: the readable messages by id, and what cannot be read."""

    envelopes: Mapping[UUID, Envelope]
    events: Mapping[UUID, Mapping[str, Any]]
    unreadable: Sequence[tuple[UUID, object, str]]


@dataclass
class _Failures:
    """The messages whose handler raised, with what it raised."""

    by_id: dict[UUID, Exception] = field(default_factory=dict)


def consume(*, subscription: str, body: Mapping[str, Any]) -> Outcome:
    """Handle one delivery and acknowledge it.

    Raises `UnreadableMessageError` when `body` is no delivery, and whatever Postgres raises when
    the transaction cannot be committed; then nothing has happened and the lease brings it back.
    """
    delivery = wire.read(body)
    started = time.perf_counter()
    with structlog.contextvars.bound_contextvars(
        subscription=subscription, dispatch=str(delivery.dispatch_id)
    ):
        outcome = _handle(subscription, delivery)
    SECONDS.labels(subscription).observe(time.perf_counter() - started)
    return outcome


def _handle(subscription: str, delivery: wire.Delivery) -> Outcome:
    work = _read(delivery)
    origin_is_here = delivery.origin == models.origin()
    with transaction.atomic():
        attempts = receipts.claim(
            subscription=subscription,
            dispatch_id=delivery.dispatch_id,
            dispatched_at=delivery.sent_at,
            arrivals=[receipts.Arrival(item.id, item.type) for item in work.envelopes.values()],
        )
        todo = [item for key, item in work.envelopes.items() if key in attempts]
        failures = _run(subscriptions.binding(subscription), todo)
        outcome = _record(subscription, delivery, work, attempts, failures)
        if origin_is_here:
            _close(delivery, queue=topology.current().subscription(subscription).queue)
    if not origin_is_here:
        acknowledgements.acknowledge(delivery.dispatch_id, origin=delivery.origin)
    _tell(subscription, work, outcome)
    return outcome


def _read(delivery: wire.Delivery) -> _Work:
    envelopes: dict[UUID, Envelope] = {}
    events: dict[UUID, Mapping[str, Any]] = {}
    unreadable: list[tuple[UUID, object, str]] = []
    for event in delivery.messages:
        try:
            readable = envelope.from_cloudevent(event)
        except UnreadableMessageError as error:
            unreadable.append((_identity(event), event, str(error)))
        else:
            envelopes[readable.id] = readable
            events[readable.id] = event
    return _Work(envelopes, events, unreadable)


def _identity(event: object) -> UUID:
    """Return an id for what has none that can be read: the same for the same content."""
    return uuid5(NAMESPACE_OID, json.dumps(event, sort_keys=True))


def _run(binding: Binding, envelopes: Sequence[Envelope]) -> _Failures:
    """Handle the messages; where a batch fails, each alone. Return those that failed alone."""
    failures = _Failures()
    if binding.takes_batches and len(envelopes) > 1:
        error = _attempt(binding, envelopes)
        if error is None:
            return failures
        log.warning("batch_is_taken_apart", error=retry.describe(error), size=len(envelopes))
    for item in envelopes:
        error = _attempt(binding, [item])
        if error is not None:
            failures.by_id[item.id] = error
    return failures


def _attempt(binding: Binding, envelopes: Sequence[Envelope]) -> Exception | None:
    """Run the handler in a savepoint; return what it raised after rolling back to there."""
    first = envelopes[0]
    work = context.Context(first.correlation_id, first.id, first.trace_parent)
    try:
        with transaction.atomic(), context.working_for(work):
            binding.run(envelopes)
    except Exception as error:  # noqa: BLE001 - whatever a handler raises is its message's fate
        return error
    return None


def _record(
    subscription: str,
    delivery: wire.Delivery,
    work: _Work,
    attempts: Mapping[UUID, int],
    failures: _Failures,
) -> Outcome:
    outcome = Outcome(duplicate=len(work.envelopes) - len(attempts))
    for message_id, error in failures.by_id.items():
        _record_failure(subscription, work, message_id, attempts[message_id], error, outcome)
    done = attempts.keys() - failures.by_id.keys()
    receipts.mark_retries_done(
        subscription=subscription, message_ids=[key for key in done if attempts[key] > 1]
    )
    outcome.done = len(done)
    for message_id, event, reason in work.unreadable:
        receipts.record_unreadable(
            subscription=subscription,
            message_id=message_id,
            event=event,
            dispatch_id=delivery.dispatch_id,
            dispatched_at=delivery.sent_at,
            reason=reason,
        )
        outcome.dead += 1
    return outcome


def _record_failure(
    subscription: str,
    work: _Work,
    message_id: UUID,
    attempt: int,
    error: Exception,
    outcome: Outcome,
) -> None:
    policy = topology.current().subscription(subscription).retry
    decision = retry.decide(
        error=error,
        attempt=attempt,
        policy=policy,
        jitter=random.random(),  # noqa: S311 - spreads retries, keeps no secret
    )
    receipts.mark_failed(
        subscription=subscription,
        message_id=message_id,
        event=work.events[message_id],
        attempt=attempt,
        error=error,
        decision=decision,
    )
    if isinstance(decision, retry.Dead):
        outcome.dead += 1
    else:
        outcome.retrying += 1
    log.warning(
        "message_failed",
        message=str(message_id),
        correlation=work.envelopes[message_id].correlation_id,
        attempt=attempt,
        decision=str(decision),
        error=retry.describe(error),
    )


def _close(delivery: wire.Delivery, *, queue: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(CLOSE_DISPATCH, [delivery.dispatch_id, queue])


def _tell(subscription: str, work: _Work, outcome: Outcome) -> None:
    for name, count in vars(outcome).items():
        if count:
            HANDLED.labels(subscription, name).inc(count)
    one = next(iter(work.envelopes.values())) if len(work.envelopes) == 1 else None
    ids = {"message": str(one.id), "correlation": one.correlation_id} if one else {}
    log.info("delivery_handled", **ids, **vars(outcome))
