"""The topology that is measured: rides have five subscribers, each with a queue of its own.

Queues, bounds and worker group are as in `config.topology`; the handlers are the benchmark's, so
that every side has the same effects to leave. Rides of the second type go to handlers that take
one message at a time. What unicorn management itself subscribes to is there because it is
installed; nothing of it is published.
"""

from __future__ import annotations

from dataclasses import replace

from bench.subscribers import (
    RIDES,
    SERVICE,
    SINGLE_RIDES,
    SUBSCRIBERS,
    batch_subscription,
    single_subscription,
)
from config import topology as wild_rydes
from config.topology import IN_TIME
from wildrydes.topology import Queue, Subscription, Topic, Topology, Workers

QUEUE_NAMES = tuple(f"{SERVICE}.{name}" for name in SUBSCRIBERS)

INSTALLED = tuple(
    replace(entry, queue=QUEUE_NAMES[0])
    for entry in wild_rydes.SUBSCRIPTIONS
    if entry.service == "unicorn_management" or entry.name == "ride_booking.gather_quotes"
)
UNUSED = {name for entry in INSTALLED for name in entry.topics}

TOPOLOGY = Topology(
    topics=(
        Topic(name="rides", types=(RIDES,)),
        Topic(name="single_rides", types=(SINGLE_RIDES,)),
        Topic(name="customers", types=("v1.customer.registered",)),
        *(topic for topic in wild_rydes.TOPICS if topic.name in UNUSED),
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
        *INSTALLED,
    ),
    workers=(Workers(name="general", queues=QUEUE_NAMES, processes=2),),
)
