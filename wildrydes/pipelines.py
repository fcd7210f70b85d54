"""Pipes and Filters: a chain of steps, each of which knows its own work and nothing else.

A step returns data, and the kernel sends it on to the next step of the pipeline, which the
topology names; a step that returns None ends that piece of work. Each step is a subscription on a
queue of its own, so each is scaled, retried, parked and dead-lettered by itself.

Guarantee: a step's effects, its receipt and the message for the next step commit together, or
none does. Subject, group, correlation and expiry go with the work from step to step.
Does not guarantee: that a step runs once; its effects in the database happen once. What the last
step returns goes nowhere.
Source: Hohpe and Woolf, Pipes and Filters.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

from wildrydes import publishing, subscriptions, topology
from wildrydes.envelope import Envelope
from wildrydes.outgoing import Outgoing, Plain
from wildrydes.subscriptions import Binding

Data = Mapping[str, Any]
Step = Callable[[Envelope], Data | None]


def start(pipeline: str, data: Data, *, subject: str = "", group_id: str = "") -> UUID:
    """Hand a piece of work to the first step; return the message's id.

    Must be called inside a transaction. Raises `ConfigurationError` for an unknown pipeline and
    `PublishError` as `publishing.send` does.
    """
    first = topology.current().pipeline(pipeline).types[0]
    work = Outgoing(body=Plain(first, data), subject=subject, group_id=group_id)
    return publishing.send_all([work])[0]


def pipeline_step(
    subscription: str, *, outside_effects: bool = False, replayable: bool = False
) -> Callable[[Step], Step]:
    """Bind a step: it takes one message and returns the data for the next step, or None to stop.

    The flags are those of `subscribe`.
    """

    def bind(step: Step) -> Step:
        def run(envelopes: Sequence[Envelope]) -> None:
            for envelope in envelopes:
                result = step(envelope)
                if result is not None:
                    _send_on(envelope, result)

        fenced = outside_effects and not replayable
        subscriptions.add(
            Binding(
                subscription,
                run,
                takes_batches=False,
                fenced=fenced,
                role="step",
                outside_effects=outside_effects,
            )
        )
        return step

    return bind


def _send_on(envelope: Envelope, result: Data) -> None:
    following = topology.current().step_after(envelope.type)
    if following:
        work = Outgoing(
            body=Plain(following, result),
            subject=envelope.subject,
            group_id=envelope.group_id,
            expires_at=envelope.expires_at,
            cause=envelope,
        )
        publishing.send_all([work])
