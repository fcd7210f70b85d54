"""Request-Reply: a command that wants an answer, with a return address and a deadline.

Guarantee: a request ends answered or timed out, by the database's clock, also if the responder
never answers. Its handler is called with the first answer that comes in time, in the transaction
that marks the request. An answer that comes late is kept with the request and marked as late; a
second one changes nothing; one to a request that nobody made is a dead letter.
Does not guarantee: that what a timed out request asked for was not done. The late answer, which
is kept, shows that it was.
Source: Hohpe and Woolf, Request-Reply, Return Address, Correlation Identifier.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import structlog
from django.db import transaction
from django.db.models.functions import Now

from wildrydes import outgoing, publishing, subscriptions, topology
from wildrydes.envelope import Envelope
from wildrydes.errors import ConfigurationError, Discard, PublishError, Reject
from wildrydes.models import Message, Request
from wildrydes.outgoing import Body, Outgoing, Plain
from wildrydes.subscriptions import Binding

log = structlog.get_logger(__name__)

Status = Request.Status
ReplyHandler = Callable[[Request, Envelope], None]

TIMED_OUT_AT_ONCE = 2_000

CLAIM_OVERDUE = """
SELECT * FROM wildrydes_request WHERE status = 'open' AND deadline <= clock_timestamp()
ORDER BY deadline LIMIT %s FOR UPDATE SKIP LOCKED
"""

LOCK_ASKED = """
SELECT *, clock_timestamp() AS moment, deadline <= clock_timestamp() AS is_overdue
FROM wildrydes_request WHERE id = %s AND reply_to = %s FOR UPDATE
"""


def request(
    command: Body,
    *,
    reply_to: str,
    timeout: timedelta,
    subject: str = "",
    group_id: str = "",
    on_timeout: Body | None = None,
) -> UUID:
    """Send a command and await an answer at the subscription `reply_to`; return the request's id.

    The id is that of the command's message. If no answer has come when `timeout` is over, the
    event `on_timeout` is published, with the request's id as its subject. Must be called inside a
    transaction. Raises `PublishError` as `send` does, and for a return address that takes no
    replies, a timeout that is not positive, or an event that could not be published.
    """
    _refuse_wrong(reply_to, timeout=timeout, on_timeout=on_timeout)
    asked = Outgoing(body=command, subject=subject, group_id=group_id, reply_to=reply_to)
    (request_id,) = publishing.send_all([asked])
    stored = Message.objects.get(id=request_id)
    Request.objects.create(
        id=request_id,
        type=stored.type,
        reply_to=reply_to,
        correlation_id=stored.correlation_id,
        deadline=Now() + timeout,
        on_timeout=_stored_form(on_timeout) if on_timeout else None,
    )
    return request_id


def reply(body: Body, *, to: Envelope, subject: str = "") -> UUID:
    """Answer a request: send `body` to its return address; return the reply's message id.

    Call it in the handler of the command `to`, or later inside any transaction, in whatever
    database. The reply bears the request's id as causation id and the same correlation id. Raises
    `PublishError` when nobody asked for an answer, or the return address takes no such reply.
    """
    if not to.reply_to:
        raise PublishError(f"the {to.type!r} with id {to.id} names nobody to reply to")
    answer = Outgoing(body=body, subject=subject, recipients=[to.reply_to], cause=to)
    (message_id,) = publishing.store_all([answer], kind="reply")
    return message_id


def receive_replies(
    subscription: str, *, also_late: bool = False
) -> Callable[[ReplyHandler], ReplyHandler]:
    """Bind a handler that takes the first answer to each request, together with the request.

    A late answer is recorded and does not reach it, unless it takes them `also_late`;
    `request.late` then says so.
    """

    def bind(handler: ReplyHandler) -> ReplyHandler:
        def receive(envelopes: Sequence[Envelope]) -> None:
            for envelope in envelopes:
                asked = _record(envelope, subscription=subscription)
                if also_late or not asked.late:
                    handler(asked, envelope)

        subscriptions.add(Binding(subscription, receive, takes_batches=False, role="replies"))
        return handler

    return bind


def time_out(*, limit: int = TIMED_OUT_AT_ONCE) -> int:
    """Mark up to `limit` open requests whose deadline is over; publish their events; count them.

    Any number of processes may call it at once. The relay does, about once a second.
    """
    with transaction.atomic():
        overdue = list(Request.objects.raw(CLAIM_OVERDUE, [limit]))
        _time_out(overdue)
    return len(overdue)


def _refuse_wrong(reply_to: str, *, timeout: timedelta, on_timeout: Body | None) -> None:
    try:
        address = topology.current().subscription(reply_to)
    except ConfigurationError as error:
        raise PublishError(str(error)) from error
    if not address.replies:
        raise PublishError(f"{reply_to!r} takes no replies")
    if timeout <= timedelta(0):
        raise PublishError(f"a request needs a timeout above zero, not {timeout}")
    if on_timeout is not None:
        data = on_timeout.to_data()
        outgoing.refuse_undeliverable(Outgoing(body=on_timeout), data, kind="event")


def _stored_form(body: Body) -> Mapping[str, Any]:
    return {"type": body.TYPE, "data": dict(body.to_data())}


def _record(envelope: Envelope, *, subscription: str) -> Request:
    """Write the answer to its request and return that; at most one answer ever gets so far."""
    found = list(Request.objects.raw(LOCK_ASKED, [envelope.causation_id, subscription]))
    if not found:
        raise Reject(f"nobody here has asked: there is no request {envelope.causation_id}")
    (asked,) = found
    if asked.answered_at is not None:
        raise Discard(f"request {asked.id} has its answer already")
    is_overdue, moment = asked.is_overdue, asked.moment  # type: ignore[attr-defined]
    if asked.status == Status.OPEN and is_overdue:
        _time_out([asked])
    asked.late = asked.status == Status.TIMED_OUT
    asked.status = Status.TIMED_OUT if asked.late else Status.ANSWERED
    asked.reply_type, asked.reply = envelope.type, dict(envelope.data)
    asked.answered_at = moment
    asked.save(update_fields=["late", "status", "reply_type", "reply", "answered_at"])
    if asked.late:
        log.warning("late_reply", request=str(asked.id), message=str(envelope.id))
    return asked


def _time_out(overdue: Sequence[Request]) -> None:
    ids = [item.id for item in overdue]
    Request.objects.filter(id__in=ids).update(status=Status.TIMED_OUT, timed_out_at=Now())
    causes = {stored.id: stored for stored in Message.objects.filter(id__in=ids)}
    for item in overdue:
        item.status = Status.TIMED_OUT
        log.warning("request_timed_out", request=str(item.id), type=item.type)
        if item.on_timeout:
            _publish_timeout(item, cause=causes[item.id].to_envelope())


def _publish_timeout(asked: Request, *, cause: Envelope) -> None:
    """Publish the event; one that no topic carries any more must not hold up the others."""
    form = asked.on_timeout or {}
    body = Plain(form["type"], form["data"])
    try:
        publishing.publish_all([Outgoing(body=body, subject=str(asked.id), cause=cause)])
    except PublishError as error:
        log.error("timeout_event_refused", request=str(asked.id), error=str(error))
