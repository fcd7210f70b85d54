"""The topology of Wild Rydes, and on top of it what the probe subscribes to."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from config import topology as wild_rydes
from tests.faults.probe.messages import STEPS
from wildrydes.retry import RetryPolicy
from wildrydes.topology import Queue, Subscription, Topic, Topology, Workers

IN_A_HURRY = RetryPolicy(max_attempts=3, first=timedelta(seconds=0.1), cap=timedelta(seconds=0.5))
TIME_LIMIT = timedelta(seconds=1)

QUEUES = (
    Queue(name="probe.order"),
    Queue(name="probe.poison", batch_items=50),
    Queue(name="probe.poisoned_groups", batch_items=50),
    Queue(name="probe.answers"),
    Queue(name="probe.undo"),
    *(Queue(name=f"probe.{step}") for step in STEPS),
)
DOING = tuple(f"probe.{step}" for step in STEPS)
UNDOING = ("probe.undo",)


def _participant(way: str, step: str, queue: str) -> Subscription:
    return Subscription(
        name=f"probe.{way}_{step}",
        command=f"v1.probe-step.{way}-{step}",
        queue=queue,
        retry=IN_A_HURRY,
        responder="probe",
        answers_to="probe.advance",
    )


SUBSCRIPTIONS = (
    Subscription(
        name="probe.keep_order", topics=("rides", "probes"), queue="probe.order", fifo=True
    ),
    Subscription(
        name="probe.take_poison",
        topics=("probes",),
        queue="probe.poison",
        retry=IN_A_HURRY,
        time_limit=TIME_LIMIT,
    ),
    Subscription(
        name="probe.take_poison_in_order",
        topics=("probes",),
        queue="probe.poisoned_groups",
        retry=IN_A_HURRY,
        time_limit=TIME_LIMIT,
        fifo=True,
    ),
    Subscription(name="probe.advance", replies=("v1.probe-step.answered",), queue="probe.answers"),
    *(_participant("do", step, queue) for step, queue in zip(STEPS, DOING, strict=True)),
    *(_participant("undo", step, *UNDOING) for step in STEPS),
)

# Nobody has a card here, so that every fare would be refused; fares have faults of their own.
FARES = "fare_collection.collect"
NONE_OF_THEM = {"card": [{"exists": True}]}
SERVICES = tuple(
    replace(entry, filter=NONE_OF_THEM) if entry.name == FARES else entry
    for entry in wild_rydes.TOPOLOGY.subscriptions
)

# Slow enough that a burst waits while things break, fast enough that nobody waits for it.
LIMITED, PER_SECOND = "ride_prebooking.processing", 60.0
SHIPPED = tuple(
    replace(queue, per_second=PER_SECOND) if queue.name == LIMITED else queue
    for queue in wild_rydes.TOPOLOGY.queues
)
ALL_QUEUES = (*SHIPPED, *QUEUES)
QUEUE_NAMES = tuple(queue.name for queue in ALL_QUEUES)

TOPOLOGY: Topology = replace(
    wild_rydes.TOPOLOGY,
    topics=(
        *wild_rydes.TOPOLOGY.topics,
        Topic(name="probes", types=("v1.probe.happened",)),
        Topic(name="journeys", types=("v1.probe-journey.stuck",)),
    ),
    queues=ALL_QUEUES,
    subscriptions=(*SERVICES, *SUBSCRIPTIONS),
    workers=(Workers(name="general", queues=QUEUE_NAMES, processes=2),),
)

WITH_FARES: Topology = replace(
    TOPOLOGY, subscriptions=(*wild_rydes.TOPOLOGY.subscriptions, *SUBSCRIPTIONS)
)

WITHOUT_ORDER: Topology = replace(
    TOPOLOGY, subscriptions=tuple(replace(entry, fifo=False) for entry in TOPOLOGY.subscriptions)
)
