"""The topology that is measured: rides have five subscribers, each with a queue of its own.

Queues, bounds and worker group are as in `config.topology`; the handlers are the benchmark's, so
that every side has the same effects to leave. Rides of the second type go to handlers that take
one message at a time.
"""

from __future__ import annotations

from bench.subscribers import (
    RIDES,
    SERVICE,
    SINGLE_RIDES,
    SUBSCRIBERS,
    batch_subscription,
    single_subscription,
)
from config.topology import IN_TIME
from wildrydes.topology import Queue, Subscription, Topic, Topology, Workers

QUEUE_NAMES = tuple(f"{SERVICE}.{name}" for name in SUBSCRIBERS)

TOPOLOGY = Topology(
    topics=(
        Topic(name="rides", types=(RIDES,)),
        Topic(name="single_rides", types=(SINGLE_RIDES,)),
        Topic(name="customers", types=("v1.customer.registered",)),
    ),
    queues=tuple(Queue(name=name, refuse_beyond=IN_TIME) for name in QUEUE_NAMES),
    subscriptions=(
        *(
            Subscription(name=batch_subscription(name), topics=("rides",), queue=queue)
            for name, queue in zip(SUBSCRIBERS, QUEUE_NAMES, strict=True)
        ),
        *(
            Subscription(name=single_subscription(name), topics=("single_rides",), queue=queue)
            for name, queue in zip(SUBSCRIBERS, QUEUE_NAMES, strict=True)
        ),
    ),
    workers=(Workers(name="general", queues=QUEUE_NAMES, processes=2),),
)
