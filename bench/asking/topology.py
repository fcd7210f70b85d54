"""Sixteen responders, each with a queue of its own, and the gathering with another.

Two workers serve them all, as in `config.topology`. `ONE_APART` has a third worker that alone
serves one responder, so that this one can be stopped while the others go on.
"""

from __future__ import annotations

from dataclasses import replace

from bench.asking import names
from wildrydes.topology import Queue, Subscription, Topic, Topology, Workers

ANSWERS = "asking.answers"
QUEUE_NAMES = (ANSWERS, *(names.queue_of(responder) for responder in names.RESPONDERS))

TOPOLOGY = Topology(
    topics=(
        Topic(name="quote-requests", types=(names.REQUESTED,)),
        Topic(name="quotes", types=(names.GATHERED,)),
        Topic(name="customers", types=("v1.customer.registered",)),
    ),
    queues=tuple(Queue(name=name) for name in QUEUE_NAMES),
    subscriptions=(
        Subscription(name=names.GATHERING, replies=(names.QUOTED,), queue=ANSWERS),
        *(
            Subscription(
                name=names.subscription_of(responder),
                topics=("quote-requests",),
                queue=names.queue_of(responder),
                responder=responder,
                answers_to=names.GATHERING,
            )
            for responder in names.RESPONDERS
        ),
    ),
    workers=(Workers(name="general", queues=QUEUE_NAMES, processes=2),),
)

APART = names.queue_of(names.SILENT)
ONE_APART = replace(
    TOPOLOGY,
    workers=(
        Workers(
            name="general",
            queues=tuple(name for name in QUEUE_NAMES if name != APART),
            processes=2,
        ),
        Workers(name="apart", queues=(APART,)),
    ),
)
