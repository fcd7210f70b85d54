"""Message: what a service hands over to be published, and what is refused before it is stored.

Guarantee: what is stored can be routed and read; every refusal is a `PublishError` that says why.
Does not guarantee: that a handler understands the data; its message class says so.
Source: Hohpe and Woolf, Message, Message Expiration, Recipient List.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

import orjson

from wildrydes import recipients, topology
from wildrydes.conf import kernel_settings
from wildrydes.context import Context
from wildrydes.deduplication import DeduplicationId
from wildrydes.envelope import Envelope, Kind
from wildrydes.errors import PublishError


class Body(Protocol):
    """What a service's `messages.py` defines: plain data that knows its type and its JSON form."""

    @property
    def TYPE(self) -> str:  # noqa: N802 - a constant of the class
        """Return the message type, such as `v1.ride.completed`."""

    def to_data(self) -> Mapping[str, Any]:
        """Return the JSON-ready object."""


@dataclass(frozen=True)
class Plain:
    """A body whose type is known at run time only."""

    TYPE: str
    data: Mapping[str, Any]

    def to_data(self) -> Mapping[str, Any]:
        """Return the data as it is."""
        return self.data


@dataclass(frozen=True, kw_only=True)
class Outgoing:
    """A message about to be published.

    `recipients` are the subscriptions that get it, instead of all that want it. It goes out
    `not_before` that moment, and is let go of by a consumer that gets to it after `expires_at`.
    A `deduplication_id`, or `SAME_CONTENT` (subject, group and data are equal), keeps out what is
    published again within the window. `reply_to` is the subscription that answers go to. `cause`
    is the message that it answers or follows from, or where it comes from, if that is not the one
    being handled. `id` is
    given where something that the same transaction stores has to know it before.
    """

    body: Body
    subject: str = ""
    group_id: str = ""
    recipients: Sequence[str] | None = None
    not_before: datetime | None = None
    expires_at: datetime | None = None
    deduplication_id: DeduplicationId = ""
    reply_to: str = ""
    cause: Envelope | Context | None = None
    id: UUID | None = None


def refuse_undeliverable(outgoing: Outgoing, data: object, *, kind: Kind) -> None:
    """Raise `PublishError`, saying why, unless the message can reach whom it is for."""
    type_ = outgoing.body.TYPE
    if outgoing.recipients is not None:
        recipients.refuse_wrong(outgoing.recipients, type_=type_)
    if kind != "reply":
        _refuse_unroutable(type_, kind=kind)
    _refuse_unfit(type_, data)
    _refuse_impossible_times(outgoing)


def _refuse_unroutable(type_: str, *, kind: Kind) -> None:
    if not topology.current().carries(type_):
        raise PublishError(f"no topic or command subscription carries {type_!r}")
    if kind == "event" and topology.current().is_command(type_):
        raise PublishError(f"{type_!r} is a command, not an event: send it")
    if kind == "command" and not topology.current().is_command(type_):
        raise PublishError(f"{type_!r} is an event, not a command: publish it")


def _refuse_unfit(type_: str, data: object) -> None:
    try:
        size = len(orjson.dumps(data))
    except TypeError as error:
        raise PublishError(f"the data of {type_!r} is not JSON: {error}") from error
    if size > (limit := kernel_settings().message_bytes):
        raise PublishError(f"the data of {type_!r} is {size} bytes; at most {limit} are taken")


def _refuse_impossible_times(outgoing: Outgoing) -> None:
    type_, start, end = outgoing.body.TYPE, outgoing.not_before, outgoing.expires_at
    if any(moment is not None and moment.utcoffset() is None for moment in (start, end)):
        raise PublishError(f"not_before and expires_at of {type_!r} need a time zone")
    if start and end and end <= start:
        raise PublishError(f"{type_!r} would expire before it goes out")
