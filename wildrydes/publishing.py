"""Transactional Outbox: a message is a row of the caller's own transaction.

Guarantee: the message exists if, and only if, what it speaks of was committed; once committed it
reaches every subscription that wants it.
Does not guarantee: when. Nor an order between messages that share no group.
Source: Richardson, Transactional Outbox; Hohpe and Woolf, Guaranteed Delivery.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Protocol
from uuid import UUID

import orjson
from django.db import transaction
from prometheus_client import Counter

from wildrydes import context, topology
from wildrydes.conf import kernel_settings
from wildrydes.envelope import Envelope, Kind
from wildrydes.errors import OutsideTransactionError, PublishError
from wildrydes.models import Message, new_id

ACCEPTED = Counter(
    "wildrydes_messages_accepted", "Messages whose transaction committed, by type.", ["type"]
)


class Body(Protocol):
    """What a service's `messages.py` defines: plain data that knows its type and its JSON form."""

    TYPE: ClassVar[str]

    def to_data(self) -> Mapping[str, Any]:
        """Return the JSON-ready object."""


@dataclass(frozen=True, kw_only=True)
class Outgoing:
    """A message about to be published. `cause` is the message that it answers or follows from,
    where that is not the one being handled."""

    body: Body
    subject: str = ""
    group_id: str = ""
    not_before: datetime | None = None
    expires_at: datetime | None = None
    cause: Envelope | None = None


def publish(event: Body, *, subject: str = "", group_id: str = "") -> UUID:
    """Publish one event to everyone who subscribes to its type; return the message's id.

    Must be called inside the transaction that makes the event true. Raises
    `OutsideTransactionError` elsewhere, `PublishError` for a type that no topic carries or for
    data that is not JSON or too large.
    """
    return publish_all([Outgoing(body=event, subject=subject, group_id=group_id)])[0]


def publish_all(events: Sequence[Outgoing]) -> list[UUID]:
    """Publish many events in one statement; return their ids in order. As `publish` otherwise."""
    return _store(events, kind="event")


def send(command: Body, *, subject: str = "", group_id: str = "") -> UUID:
    """Send one command to the one subscription that takes its type. As `publish` otherwise."""
    return send_all([Outgoing(body=command, subject=subject, group_id=group_id)])[0]


def send_all(commands: Sequence[Outgoing]) -> list[UUID]:
    """Send many commands in one statement; return their ids in order. As `send` otherwise."""
    return _store(commands, kind="command")


def _store(outgoing: Sequence[Outgoing], *, kind: Kind) -> list[UUID]:
    if not transaction.get_connection().in_atomic_block:
        raise OutsideTransactionError(
            "publish inside transaction.atomic(): a message outside a transaction can be lost"
        )
    rows = [_row(item, kind=kind) for item in outgoing]
    Message.objects.bulk_create(rows)
    transaction.on_commit(lambda: _count(rows))
    return [row.id for row in rows]


def _row(outgoing: Outgoing, *, kind: Kind) -> Message:
    data = outgoing.body.to_data()
    _refuse_unroutable(outgoing.body.TYPE, kind=kind)
    _refuse_unfit(outgoing.body.TYPE, data)
    now = _context_for(outgoing)
    message_id = new_id()
    return Message(
        id=message_id,
        type=outgoing.body.TYPE,
        kind=kind,
        source=kernel_settings().source,
        subject=outgoing.subject,
        group_id=outgoing.group_id,
        correlation_id=now.correlation_id or str(message_id),
        causation_id=now.causation_id,
        not_before=outgoing.not_before,
        expires_at=outgoing.expires_at,
        trace_parent=context.child_trace_parent(now.trace_parent),
        data=data,
    )


def _context_for(outgoing: Outgoing) -> context.Context:
    cause = outgoing.cause
    if cause is None:
        return context.current()
    return context.Context(cause.correlation_id, cause.id, cause.trace_parent)


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


def _count(rows: Sequence[Message]) -> None:
    for row in rows:
        ACCEPTED.labels(row.type).inc()
