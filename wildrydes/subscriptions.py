"""Event-Driven Consumer: a handler is bound to its subscription by name.

Guarantee: a subscription has one handler; it is called with messages of that subscription only,
inside a transaction that also records the receipt.
Does not guarantee: that a handler runs once. It may run again after a rollback; its database
effects then happen once, because the earlier run left none.
Source: Hohpe and Woolf, Event-Driven Consumer, Competing Consumers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from wildrydes.envelope import Envelope
from wildrydes.errors import ConfigurationError

Handler = Callable[[Envelope], None]
BatchHandler = Callable[[Sequence[Envelope]], None]
Role = Literal["handler", "replies", "step", "answers", "gathers", "advances"]


@dataclass(frozen=True)
class Binding:
    """A handler and the subscription that it serves; `run` takes any number of messages.

    One with `outside_effects` has effects outside the database; a replay must not repeat those of
    a `fenced` one. Its `role` says what the subscription has to be in the topology: one that takes
    events or a command, a return address for replies, a step of a pipeline, a responder, a
    gathering, or an orchestrator.
    """

    subscription: str
    run: BatchHandler
    takes_batches: bool
    fenced: bool = False
    role: Role = "handler"
    outside_effects: bool = False


_bindings: dict[str, Binding] = {}


def subscribe(
    subscription: str, *, outside_effects: bool = False, replayable: bool = False
) -> Callable[[Handler], Handler]:
    """Bind a handler that takes one message; one that fails does not undo the others.

    The messages of a delivery share a savepoint. When one of them fails they are rolled back and
    handled again, each in a savepoint of its own; so a handler may be called twice in a delivery,
    and the first call has then left nothing in the database. One with `outside_effects` is not:
    its messages have savepoints of their own from the start.

    A handler with `outside_effects` (it sends mail, calls another company) is fenced: a message
    that is replayed does not reach it, unless it says that it is `replayable`.
    """

    def bind(handler: Handler) -> Handler:
        def run(envelopes: Sequence[Envelope]) -> None:
            for envelope in envelopes:
                handler(envelope)

        fenced = outside_effects and not replayable
        add(
            Binding(
                subscription,
                run,
                takes_batches=False,
                fenced=fenced,
                outside_effects=outside_effects,
            )
        )
        return handler

    return bind


def subscribe_batch(
    subscription: str, *, outside_effects: bool = False, replayable: bool = False
) -> Callable[[BatchHandler], BatchHandler]:
    """Bind a handler that takes all new messages of a dispatch at once, in order of position.

    When it raises, its effects are rolled back and it is called for each message alone, so that
    one bad message does not fail its batch. The rest is as with `subscribe`.
    """

    def bind(handler: BatchHandler) -> BatchHandler:
        fenced = outside_effects and not replayable
        add(
            Binding(
                subscription,
                handler,
                takes_batches=True,
                fenced=fenced,
                outside_effects=outside_effects,
            )
        )
        return handler

    return bind


def binding(subscription: str) -> Binding:
    """Return the binding of a subscription; raises `ConfigurationError` when there is none."""
    try:
        return _bindings[subscription]
    except KeyError:
        raise ConfigurationError(f"no handler is bound to {subscription!r}") from None


def bindings() -> tuple[Binding, ...]:
    """Return every binding of the installed services."""
    return tuple(_bindings.values())


def add(new: Binding) -> None:
    """Keep a binding; raises `ConfigurationError` when the subscription has one."""
    if new.subscription in _bindings:
        raise ConfigurationError(f"{new.subscription!r} has two handlers")
    _bindings[new.subscription] = new
