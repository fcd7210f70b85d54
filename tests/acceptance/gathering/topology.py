"""Ten responders, each with a queue of its own, and the gathering with another."""

from __future__ import annotations

from wildrydes.topology import Queue, Subscription, Topic, Topology, Workers

GATHERING = "gathering.gather"
RESPONDERS = tuple(f"r{number}" for number in range(10))
QUEUES = ("gathering", *(f"gathering.{name}" for name in RESPONDERS))

TOPOLOGY = Topology(
    topics=(
        Topic(name="questions", types=("v1.question.asked",)),
        Topic(name="answers", types=("v1.question.answered",)),
        Topic(name="customers", types=("v1.customer.registered",)),
    ),
    queues=tuple(Queue(name=name) for name in QUEUES),
    subscriptions=(
        Subscription(name=GATHERING, replies=("v1.answer.given",), queue="gathering"),
        *(
            Subscription(
                name=f"gathering.answer_{name}",
                topics=("questions",),
                queue=f"gathering.{name}",
                responder=name,
                answers_to=GATHERING,
            )
            for name in RESPONDERS
        ),
    ),
    workers=(Workers(name="all", queues=QUEUES),),
)
