"""Transactional Outbox: a message is a row of the caller's own transaction.

Guarantee: the message exists if, and only if, what it speaks of was committed; once committed it
reaches every subscription that wants it, and none before its time by the database's clock.
Does not guarantee: when. Nor an order between messages that share no group.
Source: Richardson, Transactional Outbox; Hohpe and Woolf, Guaranteed Delivery.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction
from prometheus_client import Counter

from wildrydes import context, crashpoints, deduplication, prepared, topology
from wildrydes.conf import kernel_settings
from wildrydes.deduplication import SAME_CONTENT, DeduplicationId
from wildrydes.envelope import Kind
from wildrydes.errors import OutsideTransactionError
from wildrydes.models import Message, new_id
from wildrydes.outgoing import Body, Outgoing, Plain, refuse_undeliverable

__all__ = [
    "SAME_CONTENT",
    "Body",
    "Outgoing",
    "Plain",
    "publish",
    "publish_all",
    "send",
    "send_all",
    "store_all",
]

ACCEPTED = Counter(
    "wildrydes_messages_accepted", "Messages whose transaction committed, by type.", ["type"]
)
DUPLICATES = Counter(
    "wildrydes_messages_deduplicated",
    "Messages not stored, because an earlier one has their deduplication id, by type.",
    ["type"],
)

LOCK_GROUPS = """
SELECT pg_advisory_xact_lock(key) FROM (
    SELECT DISTINCT hashtextextended('wildrydes group ' || name, 0) AS key
    FROM unnest(%s::text[]) AS name ORDER BY key
) AS keys
"""


def publish(
    event: Body,
    *,
    subject: str = "",
    group_id: str = "",
    recipients: Sequence[str] | None = None,
    not_before: datetime | None = None,
    expires_at: datetime | None = None,
    deduplication_id: DeduplicationId = "",
) -> UUID:
    """Publish one event to everyone who subscribes to its type; return the message's id.

    `Outgoing` says what the arguments mean. A duplicate stores nothing, and the id is that of the
    first. Must be called inside the transaction that makes the event true. Raises
    `OutsideTransactionError` elsewhere, and `PublishError` for what could not be delivered: a
    type that no topic carries, data that is not JSON or too large, recipients that do not take it.
    """
    outgoing = Outgoing(
        body=event,
        subject=subject,
        group_id=group_id,
        recipients=recipients,
        not_before=not_before,
        expires_at=expires_at,
        deduplication_id=deduplication_id,
    )
    return publish_all([outgoing])[0]


def publish_all(events: Sequence[Outgoing]) -> list[UUID]:
    """Publish many events in one statement; return their ids in order. As `publish` otherwise."""
    return store_all(events, kind="event")


def send(
    command: Body,
    *,
    subject: str = "",
    group_id: str = "",
    not_before: datetime | None = None,
    expires_at: datetime | None = None,
    deduplication_id: DeduplicationId = "",
) -> UUID:
    """Send one command to the one subscription that takes its type. As `publish` otherwise."""
    outgoing = Outgoing(
        body=command,
        subject=subject,
        group_id=group_id,
        not_before=not_before,
        expires_at=expires_at,
        deduplication_id=deduplication_id,
    )
    return send_all([outgoing])[0]


def send_all(commands: Sequence[Outgoing]) -> list[UUID]:
    """Send many commands in one statement; return their ids in order. As `send` otherwise."""
    return store_all(commands, kind="command")


def store_all(outgoing: Sequence[Outgoing], *, kind: Kind) -> list[UUID]:
    """Store messages of one kind; return the id of each or, for a duplicate, of the first.

    The kernel's own way; services publish and send.
    """
    if not transaction.get_connection().in_atomic_block:
        raise OutsideTransactionError(
            "publish inside transaction.atomic(): a message outside a transaction can be lost"
        )
    rows = [_row(item, kind=kind) for item in outgoing]
    _keep_order_of_commits(rows)
    first = deduplication.claim(_claims(outgoing, rows))
    new = [row for row in rows if first.get(row.id, row.id) == row.id]
    prepared.insert(new)
    crashpoints.reach("publish.stored")
    transaction.on_commit(lambda: _count(rows, new=new))
    return [first.get(row.id, row.id) for row in rows]


def _row(outgoing: Outgoing, *, kind: Kind) -> Message:
    data = outgoing.body.to_data()
    refuse_undeliverable(outgoing, data, kind=kind)
    now = _context_for(outgoing)
    message_id = outgoing.id or new_id()
    return Message(
        id=message_id,
        type=outgoing.body.TYPE,
        kind=kind,
        source=kernel_settings().source,
        subject=outgoing.subject,
        group_id=outgoing.group_id,
        correlation_id=now.correlation_id or str(message_id),
        causation_id=now.causation_id,
        recipients=None if outgoing.recipients is None else list(outgoing.recipients),
        reply_to=outgoing.reply_to,
        not_before=outgoing.not_before,
        expires_at=outgoing.expires_at,
        trace_parent=context.child_trace_parent(now.trace_parent),
        data=data,
    )


def _context_for(outgoing: Outgoing) -> context.Context:
    cause = outgoing.cause
    if cause is None:
        return context.current()
    if isinstance(cause, context.Context):
        return cause
    return context.Context(cause.correlation_id, cause.id, cause.trace_parent)


def _claims(outgoing: Sequence[Outgoing], rows: Sequence[Message]) -> list[deduplication.Claim]:
    return [
        deduplication.Claim(row.type, _deduplication_key(item, row), row.id)
        for item, row in zip(outgoing, rows, strict=True)
        if item.deduplication_id
    ]


def _deduplication_key(outgoing: Outgoing, row: Message) -> str:
    content = {"subject": row.subject, "group": row.group_id, "data": row.data}
    return deduplication.key_of(outgoing.deduplication_id, content=content)


def _keep_order_of_commits(rows: Sequence[Message]) -> None:
    """Make whoever publishes to the same group next wait until this transaction has ended.

    So positions inside a group are in the order of the commits. Only where someone keeps order.
    """
    ordered = topology.current().keeps_order_of
    groups = {row.group_id for row in rows if row.group_id and ordered(row.type)}
    if groups:
        prepared.say(LOCK_GROUPS, [sorted(groups)])


def _count(rows: Sequence[Message], *, new: Sequence[Message]) -> None:
    crashpoints.reach("publish.committed")
    stored = {row.id for row in new}
    for row in rows:
        (ACCEPTED if row.id in stored else DUPLICATES).labels(row.type).inc()
