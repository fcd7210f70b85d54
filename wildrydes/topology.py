"""Message Channel: every topic, queue and subscription of the system, as data.

Guarantee: a name that is not in the topology does not exist; nothing is routed by accident.
Does not guarantee: that a queue has a running worker; `/readyz` and the metrics show its age.
Source: Hohpe and Woolf, Publish-Subscribe Channel, Point-to-Point Channel, Message Filter.
"""

from __future__ import annotations

from collections.abc import Mapping
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
    A dispatch that is not acknowledged within `lease` is sent again.
    """

    name: str
    max_open: int = 4
    batch_items: int = 500
    batch_bytes: int = 256 * 1024
    lease: timedelta = timedelta(seconds=10)


@dataclass(frozen=True, kw_only=True)
class Subscription:
    """One service's wish for messages: of some topics, or (point to point) of one command type.

    The name is `<service>.<what it does>`; the Celery task that handles it bears the same name.
    """

    name: str
    queue: str
    topics: tuple[str, ...] = ()
    command: str = ""
    filter: Mapping[str, Any] = field(default_factory=dict)
    scope: Scope = "body"
    retry: RetryPolicy = RetryPolicy()

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
class Workers:
    """A group of worker processes and the queues that it serves."""

    name: str
    queues: tuple[str, ...]
    processes: int = 1


@dataclass(frozen=True, kw_only=True)
class Topology:
    """The whole map. Build it once, in one module that a person can read in one sitting."""

    topics: tuple[Topic, ...]
    queues: tuple[Queue, ...]
    subscriptions: tuple[Subscription, ...]
    workers: tuple[Workers, ...]

    @cached_property
    def _subscriptions_by_type(self) -> dict[str, tuple[Subscription, ...]]:
        types = {type_ for topic in self.topics for type_ in topic.types}
        types |= {entry.command for entry in self.subscriptions if entry.command}
        return {type_: self._subscriptions_to(type_) for type_ in types}

    def _subscriptions_to(self, type_: str) -> tuple[Subscription, ...]:
        carriers = {topic.name for topic in self.topics if type_ in topic.types}
        return tuple(
            entry
            for entry in self.subscriptions
            if entry.command == type_ or carriers.intersection(entry.topics)
        )

    @cached_property
    def _queues(self) -> dict[str, Queue]:
        return {queue.name: queue for queue in self.queues}

    @cached_property
    def _subscriptions(self) -> dict[str, Subscription]:
        return {entry.name: entry for entry in self.subscriptions}

    def carries(self, type_: str) -> bool:
        """Say whether any topic or command subscription knows this message type."""
        return type_ in self._subscriptions_by_type

    def is_command(self, type_: str) -> bool:
        """Say whether messages of this type are commands: sent to one, not published to all."""
        return any(entry.command == type_ for entry in self._subscriptions_by_type.get(type_, ()))

    def recipients(self, envelope: Envelope) -> tuple[Subscription, ...]:
        """Return every subscription that is to get a copy of this message."""
        subscribed = self._subscriptions_by_type.get(envelope.type, ())
        return tuple(entry for entry in subscribed if entry.wants(envelope))

    def queue(self, name: str) -> Queue:
        """Return the queue of that name; raises `ConfigurationError` for an unknown one."""
        try:
            return self._queues[name]
        except KeyError:
            raise ConfigurationError(f"the topology has no queue {name!r}") from None

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
