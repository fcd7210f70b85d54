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
from typing import Any, Protocol
from uuid import UUID, uuid4, uuid5

import celery
from celery.canvas import Signature

from wildrydes import topology

RECORD = "record"
CLOSE = "close"


class Going(Protocol):
    """A dispatch that is about to be sent."""

    @property
    def id(self) -> UUID:
        """Return its id."""

    @property
    def subscription(self) -> str:
        """Return the name of the subscription that it goes to."""

    @property
    def message_ids(self) -> Sequence[UUID]:
        """Return the ids of its messages."""


def following(going: Iterable[Going]) -> dict[UUID, Sequence[Signature[Any]]]:
    """Return what each dispatch of one turn has for the rest of its chain, where it has one.

    Redis is told how many will be counted in each chord; raises one of `wire.WIRE_ERRORS` when it
    is away.
    """
    found: dict[UUID, Sequence[Signature[Any]]] = {}
    headers: dict[str, list[Going]] = defaultdict(list)
    for item in going:
        entry = topology.current().subscription(item.subscription)
        if entry.responder and entry.command:
            found[item.id] = [_record(entry.answers_to, item.id)]
        elif entry.responder and celery.current_app.conf.result_backend:
            headers[entry.answers_to].append(item)
    for gathering, header in headers.items():
        found |= _chord(gathering, header)
    return found


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


def _chord(gathering: str, header: Sequence[Going]) -> dict[UUID, Sequence[Signature[Any]]]:
    """Return what follows each delivery of a chord: a part that is counted, and ends in its body.

    The parts are what `celery.chord` would make of these chains; its canvas copies each of them
    several times to find that out.
    """
    chord_id = str(uuid4())
    celery.current_app.backend.set_chord_size(chord_id, len(header))
    scatters = sorted({str(message_id) for item in header for message_id in item.message_ids})
    close = _task(
        f"{gathering}.{CLOSE}",
        queue=topology.current().subscription(gathering).queue,
        args=(scatters,),
        immutable=True,
        task_id=str(uuid4()),
        group_id=chord_id,
    )
    return {
        item.id: [_record(gathering, item.id, group_id=chord_id, group_index=place, chord=close)]
        for place, item in enumerate(header)
    }


def _record(asker: str, dispatch_id: UUID, **counted: Any) -> Signature[Any]:
    return _task(
        f"{asker}.{RECORD}",
        queue=topology.current().subscription(asker).queue,
        task_id=str(record_id(dispatch_id)),
        argsrepr="(answers)",
        kwargsrepr="{}",
        **counted,
    )


def _task(
    name: str, *, queue: str, args: Sequence[Any] = (), immutable: bool = False, **options: Any
) -> Signature[Any]:
    """Return a task for a queue that Celery knows by name, and that it goes straight to.

    Nothing is declared: whoever takes from the queue has done that.
    """
    return celery.signature(
        name,
        args=tuple(args),
        immutable=immutable,
        options={"queue": queue, "declare": [], "ignore_result": True, **options},
    )
