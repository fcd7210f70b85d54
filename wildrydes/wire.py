"""Messaging Endpoint: what one Celery message holds, and how it gets onto the wire.

A delivery is a dispatch together with its messages. It is sent straight to the subscription's
queue, without an exchange whose bindings Redis could forget.

Guarantee: `put` returned means that Redis took the deliveries.
Does not guarantee: that Redis keeps them; the dispatches' leases do that.
Source: Hohpe and Woolf, Messaging Endpoint.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

import celery
import kombu
from kombu.exceptions import (  # type: ignore[attr-defined]  # new in kombu 5.7
    BatchPublishError,
    OperationalError,
)
from redis.exceptions import RedisError, ResponseError

from wildrydes.errors import UnreadableMessageError

WIRE_ERRORS = (OperationalError, RedisError, ConnectionError, TimeoutError)


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """One dispatch on its way. `messages` are CloudEvents, in order: as JSON objects when it is
    read; when it is put, JSON that is encoded already (`orjson.Fragment`) will do.

    `origin` is the identity of the database whose dispatch it is, `attempt` how often it has
    been sent, this time included.
    """

    dispatch_id: UUID
    origin: str
    attempt: int
    sent_at: datetime
    messages: Sequence[Any]

    def to_wire(self) -> dict[str, Any]:
        """Return the JSON-ready object."""
        return {
            "dispatch": str(self.dispatch_id),
            "origin": self.origin,
            "attempt": self.attempt,
            "sentat": self.sent_at.isoformat(),
            "messages": list(self.messages),
        }


def read(body: Mapping[str, Any]) -> Delivery:
    """Read what a worker was given. Raises `UnreadableMessageError`, saying what is wrong."""
    try:
        return Delivery(
            dispatch_id=UUID(body["dispatch"]),
            origin=body["origin"],
            attempt=int(body["attempt"]),
            sent_at=_moment(body["sentat"]),
            messages=list(body["messages"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise UnreadableMessageError(f"not a delivery: {error!r}") from error


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"a time without a zone: {text!r}")
    return moment


def at_work_key(dispatch_id: UUID) -> str:
    """Return the Redis key that exists while a worker says that it is at work on a dispatch."""
    return f"wildrydes:at-work:{dispatch_id}"


@cache
def _channel(queue: str) -> kombu.Queue:
    return kombu.Queue(queue)


@dataclass(frozen=True, kw_only=True)
class Addressed:
    """A delivery, where it goes, and the tasks that follow it in its chain."""

    delivery: Delivery
    subscription: str
    queue: str
    then: Sequence[Mapping[str, Any]] = ()


def put(deliveries: Sequence[Addressed]) -> None:
    """Hand deliveries to Redis, in order, in one round trip.

    Raises one of `WIRE_ERRORS` when Redis does not take one; others may have been taken then.
    """
    try:
        with (
            celery.current_app.producer_pool.acquire(block=True) as producer,
            producer.batch(max_size=len(deliveries)),  # type: ignore[attr-defined]  # new in 5.7
        ):
            for addressed in deliveries:
                _send(addressed, producer)
    except BatchPublishError as error:  # which says that, and not why
        raise error.__cause__ or error from error


def is_refusal(error: Exception) -> bool:
    """Say whether Redis has answered, and did not want something that was put."""
    return isinstance(error, ResponseError)


def _send(addressed: Addressed, producer: kombu.Producer) -> None:
    delivery = addressed.delivery
    celery.current_app.send_task(
        addressed.subscription,
        args=[delivery.to_wire()],
        queue=_channel(addressed.queue),  # type: ignore[arg-type]  # the stubs know names only
        declare=[],
        task_id=str(delivery.dispatch_id),
        argsrepr=f"({len(delivery.messages)} messages, attempt {delivery.attempt})",
        kwargsrepr="{}",
        ignore_result=True,
        retry=False,
        chain=list(addressed.then) or None,
        producer=producer,
    )
