"""The fast carrier: answers travel back in Celery chains, and the tables stay the truth.

A delivery to a responder is a chain: the responder's task on its own queue, then `<asker>.record`
on the asker's, which commits the answers and only then acknowledges the delivery. A command has
one taker, and its chain goes alone. Events have many: the deliveries of them that the relay sends
in one turn are the header of one chord for each gathering, whose body, `<gathering>.close`, looks
once more whether the scatters are complete.

Guarantee: none of its own. A chain that is lost is sent again by its dispatch's lease and gives the
same answers; a body that never runs is missed by nobody, for the deadline ends its scatters.
Source: Celery, Canvas (chord, chain).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any, NamedTuple
from uuid import UUID

import celery
from celery.canvas import Signature

from wildrydes import redis, topology, wire
from wildrydes.models import Dispatch
from wildrydes.wire import Delivery

NOTED_SECONDS = 10
RECORD = "record"
CLOSE = "close"


class Part(NamedTuple):
    """One delivery of a chord: to which subscription, and which messages are in it."""

    subscription: str
    message_ids: Sequence[UUID]
    delivery: Delivery


def needs_chord(subscription: str) -> bool:
    """Say whether deliveries to this subscription go by chord: it answers, and chords can count."""
    entry = topology.current().subscription(subscription)
    has_backend = bool(celery.current_app.conf.result_backend)
    return has_backend and bool(entry.responder) and not entry.command


def then(subscription: str) -> Sequence[Signature[Any]]:
    """Return what a delivery to this subscription has for the rest of its chain, if it has one."""
    entry = topology.current().subscription(subscription)
    return [_record(entry.answers_to)] if entry.responder and entry.command else []


def put(parts: Iterable[Part]) -> None:
    """Hand deliveries to Redis: one chord for each gathering.

    Raises one of `wire.WIRE_ERRORS` when Redis does not take them; some may have been sent then.
    """
    headers: dict[str, list[Part]] = defaultdict(list)
    for part in parts:
        headers[topology.current().subscription(part.subscription).answers_to].append(part)
    for gathering, header in headers.items():
        _chord(gathering, header).apply_async()


def note_answered(dispatch_id: UUID) -> None:
    """Note that a delivery's answers are on their way to be recorded."""
    with suppress(*wire.WIRE_ERRORS):
        redis.client().set(_answered_key(dispatch_id), b"1", ex=NOTED_SECONDS)


def answered(queue: str) -> frozenset[UUID]:
    """Return the open dispatches of a queue whose answers stand in their asker's queue.

    While that holds anything they may be in it. To send them again then would only make it longer.
    """
    askers = {
        topology.current().subscription(entry.answers_to).queue
        for entry in topology.current().subscriptions
        if entry.queue == queue and entry.answers_to
    }
    if not any(redis.client().llen(name) for name in askers):
        return frozenset()
    open_ = Dispatch.objects.filter(queue=queue, sent_at__isnull=False)
    ids = list(open_.values_list("id", flat=True))
    noted = redis.client().mget([_answered_key(dispatch_id) for dispatch_id in ids]) if ids else []
    return frozenset(found for found, sign in zip(ids, noted, strict=True) if sign)


def _answered_key(dispatch_id: UUID) -> str:
    return f"wildrydes:answered:{dispatch_id}"


def _record(asker: str) -> Signature[Any]:
    return _task(f"{asker}.{RECORD}", queue=topology.current().subscription(asker).queue)


def _chord(gathering: str, header: Sequence[Part]) -> Signature[Any]:
    queue = topology.current().subscription(gathering).queue
    record = _record(gathering)
    scatters = sorted({str(message_id) for part in header for message_id in part.message_ids})
    close = _task(f"{gathering}.{CLOSE}", queue=queue, args=(scatters,), immutable=True)
    return celery.chord([celery.chain(_delivery(part), record.clone()) for part in header], close)


def _delivery(part: Part) -> Signature[Any]:
    delivery = part.delivery
    return _task(
        part.subscription,
        queue=topology.current().subscription(part.subscription).queue,
        args=(delivery.to_wire(),),
        task_id=str(delivery.dispatch_id),
        argsrepr=f"({len(delivery.messages)} messages, attempt {delivery.attempt})",
        kwargsrepr="{}",
        retry=False,
    )


def _task(
    name: str, *, queue: str, args: Sequence[Any] = (), immutable: bool = False, **options: Any
) -> Signature[Any]:
    """Return a task for a queue that Celery knows by name, and that it goes straight to."""
    return celery.signature(
        name,
        args=tuple(args),
        immutable=immutable,
        options={"queue": queue, "ignore_result": True, **options},
    )
