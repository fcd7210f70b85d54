"""Five participants, each with a queue of its own, and the orchestrator with another.

Two workers serve them all, as in `config.topology`.
"""

from __future__ import annotations

from bench.sagas import names
from wildrydes.topology import Queue, Subscription, Topic, Topology, Workers

ANSWERS = "sagas.answers"
QUEUE_NAMES = (ANSWERS, *(names.queue_of(step) for step in names.STEPS))


def _participant(name: str, command: str, step: str) -> Subscription:
    return Subscription(
        name=name,
        command=command,
        queue=names.queue_of(step),
        responder=name,
        answers_to=names.ORCHESTRATOR,
    )


TOPOLOGY = Topology(
    topics=(Topic(name="customers", types=("v1.customer.registered",)),),
    queues=tuple(Queue(name=name) for name in QUEUE_NAMES),
    subscriptions=(
        Subscription(name=names.ORCHESTRATOR, replies=(names.ANSWERED,), queue=ANSWERS),
        *(_participant(names.doer_of(step), names.command_of(step), step) for step in names.STEPS),
        *(_participant(names.undoer_of(step), names.undo_of(step), step) for step in names.STEPS),
    ),
    workers=(Workers(name="general", queues=QUEUE_NAMES, processes=2),),
)
