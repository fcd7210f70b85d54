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
from typing import Any, NamedTuple
from uuid import UUID, uuid5

import celery
from celery.canvas import Signature

from wildrydes import topology
from wildrydes.wire import Delivery

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


def then(subscription: str, *, dispatch_id: UUID) -> Sequence[Signature[Any]]:
    """Return what a delivery to this subscription has for the rest of its chain, if it has one."""
    entry = topology.current().subscription(subscription)
    if not (entry.responder and entry.command):
        return []
    return [_record(entry.answers_to, dispatch_id)]


def put(parts: Iterable[Part]) -> None:
    """Hand deliveries to Redis: one chord for each gathering.

    Raises one of `wire.WIRE_ERRORS` when Redis does not take them; some may have been sent then.
    """
    headers: dict[str, list[Part]] = defaultdict(list)
    for part in parts:
        headers[topology.current().subscription(part.subscription).answers_to].append(part)
    for gathering, header in headers.items():
        _chord(gathering, header).apply_async()


def record_id(dispatch_id: UUID) -> UUID:
    """Return the id of the task that records the answers of a dispatch, however often it is sent.

    While that task stands in its queue nothing of the dispatch is lost.
    """
    return uuid5(dispatch_id, RECORD)


def queues_of_answers(queue: str) -> frozenset[str]:
    """Return the queues in which the answers wait that are given by those who take from `queue`."""
    now = topology.current()
    return frozenset(
        now.subscription(entry.answers_to).queue
        for entry in now.subscriptions
        if entry.queue == queue and entry.answers_to
    )


def _record(asker: str, dispatch_id: UUID) -> Signature[Any]:
    return _task(
        f"{asker}.{RECORD}",
        queue=topology.current().subscription(asker).queue,
        task_id=str(record_id(dispatch_id)),
    )


def _chord(gathering: str, header: Sequence[Part]) -> Signature[Any]:
    queue = topology.current().subscription(gathering).queue
    scatters = sorted({str(message_id) for part in header for message_id in part.message_ids})
    close = _task(f"{gathering}.{CLOSE}", queue=queue, args=(scatters,), immutable=True)
    chains = [
        celery.chain(_delivery(part), _record(gathering, part.delivery.dispatch_id))
        for part in header
    ]
    return celery.chord(chains, close)


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
