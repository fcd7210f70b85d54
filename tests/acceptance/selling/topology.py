"""Four participants, each with a queue of its own, and the orchestrator with another."""

from __future__ import annotations

from wildrydes.topology import Queue, Subscription, Topic, Topology, Workers

ORCHESTRATOR = "selling.advance"
PARTICIPANTS = ("book", "pay", "ship", "mark")
QUEUES = ("selling", *(f"selling.{name}" for name in PARTICIPANTS))


def type_of(name: str, verb: str) -> str:
    """Return the type of the command that makes a participant do, or undo."""
    return f"v1.{name}.{verb}"


TOPOLOGY = Topology(
    topics=(Topic(name="customers", types=("v1.customer.registered",)),),
    queues=tuple(Queue(name=name) for name in QUEUES),
    subscriptions=(
        Subscription(name=ORCHESTRATOR, replies=("v1.sale.answered",), queue="selling"),
        *(
            Subscription(
                name=f"selling.{name}_{verb}",
                command=type_of(name, verb),
                queue=f"selling.{name}",
                responder=name,
                answers_to=ORCHESTRATOR,
            )
            for name in PARTICIPANTS
            for verb in ("do", "undo")
        ),
    ),
    workers=(Workers(name="all", queues=QUEUES),),
)
