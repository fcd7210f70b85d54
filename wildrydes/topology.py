"""Message Channel: every topic, queue and subscription of the system, as data.

Guarantee: a name that is not in the topology does not exist; nothing is routed by accident.
Does not guarantee: that a queue has a running worker; `/readyz` and the metrics show its age.
Source: Hohpe and Woolf, Publish-Subscribe Channel, Point-to-Point Channel, Message Filter.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache, cached_property
from typing import Any, Literal

from django.utils.module_loading import import_string

from wildrydes import filters
from wildrydes.conf import kernel_settings
from wildrydes.envelope import Envelope
from wildrydes.errors import ConfigurationError
from wildrydes.retry import RetryPolicy

Scope = Literal["attributes", "body"]
OnDead = Literal["park", "skip"]


@dataclass(frozen=True, kw_only=True)
class Topic:
    """A publish-subscribe channel: events of these types reach every subscription of it."""

    name: str
    types: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Queue:
    """A point-to-point channel on the wire, served by competing workers.

    At most `max_open` dispatches are on the wire or in work at a time; what is beyond waits in
    Postgres. One dispatch carries at most `batch_items` messages and about `batch_bytes` bytes.
    A dispatch that is not acknowledged within `lease`, and that no worker says it is at work on,
    is sent again. When messages wait here for longer than `refuse_beyond`, though there is a
    consumer, the front door refuses new work. It hands out at most `per_second` messages a second,
    whatever number of relays and workers there is, until an operator says otherwise.
    """

    name: str
    max_open: int = 4
    batch_items: int = 500
    batch_bytes: int = 512 * 1024
    lease: timedelta = timedelta(seconds=2)
    refuse_beyond: timedelta | None = None
    per_second: float | None = None


@dataclass(frozen=True, kw_only=True)
class Subscription:
    """One service's wish for messages: of some topics, or (point to point) of one command type.

    The name is `<service>.<what it does>`; the Celery task that handles it bears the same name.
    With `replies` it is a return address instead: it takes answers of these types, to requests
    that name it. With nothing it is a step of a pipeline.
    `fifo` keeps the order of the messages of each group; behind one that is dead its group waits
    for a person (`on_dead="park"`) or goes on (`"skip"`). A handler call that takes longer than
    `time_limit` is a failure. `at_most_once` acknowledges before the handler runs: a message may
    then be lost, and is never handled twice.
    One that `answers_to` a gathering is a responder of scatter-gather, under the name `responder`.
    The gathering is a subscription with `replies`.
    """

    name: str
    queue: str
    topics: tuple[str, ...] = ()
    command: str = ""
    replies: tuple[str, ...] = ()
    filter: Mapping[str, Any] = field(default_factory=dict)
    scope: Scope = "body"
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    fifo: bool = False
    on_dead: OnDead = "park"
    time_limit: timedelta = timedelta(seconds=30)
    at_most_once: bool = False
    responder: str = ""
    answers_to: str = ""

    @property
    def service(self) -> str:
        """Return the service that owns the subscription."""
        return self.name.partition(".")[0]

    def wants(self, envelope: Envelope) -> bool:
        """Say whether the subscriber's filter policy lets this message through."""
        if not self.filter:
            return True
        facts = envelope.attributes if self.scope == "attributes" else envelope.data
        return filters.matches(self.filter, facts, self.scope)


@dataclass(frozen=True, kw_only=True)
class Pipeline:
    """Pipes and filters: what one step returns is sent on to the next.

    A step is a subscription of its own, on a queue of its own. The type of the command that it
    takes follows from both names: `ride-report` and `reports.render_page` make
    `v1.ride-report.render-page`.
    """

    name: str
    steps: tuple[str, ...]
    version: str = "v1"

    @property
    def types(self) -> tuple[str, ...]:
        """Return the command type of each step, in order."""
        verbs = (step.partition(".")[2].replace("_", "-") for step in self.steps)
        return tuple(f"{self.version}.{self.name}.{verb}" for verb in verbs)


@dataclass(frozen=True, kw_only=True)
class Workers:
    """A group of worker processes and the queues that it serves."""

    name: str
    queues: tuple[str, ...]
    processes: int = 1


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """A command that the clock gives: once for each full `every` since 1970, UTC.

    Its data is the moment, as `due_at`. Whoever handles it does no harm by doing it twice.
    """

    command: str
    every: timedelta


@dataclass(frozen=True, kw_only=True)
class Topology:
    """The whole map. Build it once, in one module that a person can read in one sitting."""

    topics: tuple[Topic, ...]
    queues: tuple[Queue, ...]
    subscriptions: tuple[Subscription, ...]
    workers: tuple[Workers, ...]
    pipelines: tuple[Pipeline, ...] = ()
    schedules: tuple[Schedule, ...] = ()

    @cached_property
    def _steps_by_type(self) -> dict[str, str]:
        pairs = (zip(pipeline.types, pipeline.steps, strict=True) for pipeline in self.pipelines)
        return {type_: step for pair in pairs for type_, step in pair}

    @cached_property
    def _commands(self) -> frozenset[str]:
        named = {entry.command for entry in self.subscriptions if entry.command}
        return frozenset(named | self._steps_by_type.keys())

    @cached_property
    def _subscriptions_by_type(self) -> dict[str, tuple[Subscription, ...]]:
        types = {type_ for topic in self.topics for type_ in topic.types}
        return {type_: self._subscriptions_to(type_) for type_ in types | self._commands}

    def _subscriptions_to(self, type_: str) -> tuple[Subscription, ...]:
        carriers = {topic.name for topic in self.topics if type_ in topic.types}
        step = self._steps_by_type.get(type_)
        return tuple(
            entry
            for entry in self.subscriptions
            if entry.command == type_ or entry.name == step or carriers.intersection(entry.topics)
        )

    @cached_property
    def _ordered_types(self) -> frozenset[str]:
        in_order = (entry for entry in self.subscriptions if entry.fifo)
        return frozenset(type_ for entry in in_order for type_ in self.types_of(entry))

    @cached_property
    def _queues(self) -> dict[str, Queue]:
        return {queue.name: queue for queue in self.queues}

    @cached_property
    def _subscriptions(self) -> dict[str, Subscription]:
        return {entry.name: entry for entry in self.subscriptions}

    @cached_property
    def homes(self) -> Mapping[str, str]:
        """Return the queue of every subscription, by the subscription's name."""
        return {entry.name: entry.queue for entry in self.subscriptions}

    def keeps_order_of(self, type_: str) -> bool:
        """Say whether some subscription wants messages of this type in order."""
        return type_ in self._ordered_types

    def reaches(self, subscription: Subscription, type_: str) -> bool:
        """Say whether messages of this type are for this subscription, filters aside."""
        subscribed = self._subscriptions_by_type.get(type_, ())
        return type_ in subscription.replies or subscription in subscribed

    def types_of(self, subscription: Subscription) -> tuple[str, ...]:
        """Return every message type that is for this subscription, in alphabetical order."""
        subscribed = (
            type_
            for type_, entries in self._subscriptions_by_type.items()
            if subscription in entries
        )
        return tuple(sorted({*subscribed, *subscription.replies}))

    def carries(self, type_: str) -> bool:
        """Say whether any topic or command subscription knows this message type."""
        return type_ in self._subscriptions_by_type

    def is_command(self, type_: str) -> bool:
        """Say whether messages of this type are commands: sent to one, not published to all."""
        return type_ in self._commands

    def recipients(
        self, envelope: Envelope, *, named: Sequence[str] | None = None
    ) -> tuple[Subscription, ...]:
        """Return every subscription that is to get a copy of this message.

        Where the publisher has `named` them it is those, whatever their filters say; a name that
        has left the topology since is left out.
        """
        if named is not None:
            known = self._subscriptions
            return tuple(known[name] for name in named if name in known)
        subscribed = self._subscriptions_by_type.get(envelope.type, ())
        return tuple(entry for entry in subscribed if entry.wants(envelope))

    def queue(self, name: str) -> Queue:
        """Return the queue of that name; raises `ConfigurationError` for an unknown one."""
        try:
            return self._queues[name]
        except KeyError:
            raise ConfigurationError(f"the topology has no queue {name!r}") from None

    def pipeline(self, name: str) -> Pipeline:
        """Return the pipeline of that name; raises `ConfigurationError` for an unknown one."""
        for entry in self.pipelines:
            if entry.name == name:
                return entry
        raise ConfigurationError(f"the topology has no pipeline {name!r}")

    def step_after(self, type_: str) -> str:
        """Return the command type of the step that follows this one in its pipeline; "" if last.

        Raises `ConfigurationError` when no pipeline has a step of this type.
        """
        for entry in self.pipelines:
            if type_ in entry.types:
                return (*entry.types, "")[entry.types.index(type_) + 1]
        raise ConfigurationError(f"no pipeline has a step that takes {type_!r}")

    def subscription(self, name: str) -> Subscription:
        """Return the subscription of that name; raises `ConfigurationError` for an unknown one."""
        try:
            return self._subscriptions[name]
        except KeyError:
            raise ConfigurationError(f"the topology has no subscription {name!r}") from None


@cache
def current() -> Topology:
    """Return the project's topology, which `WILDRYDES["TOPOLOGY"]` names."""
    topology = import_string(kernel_settings().topology)
    if not isinstance(topology, Topology):
        raise ConfigurationError("WILDRYDES['TOPOLOGY'] must name a Topology")
    return topology
