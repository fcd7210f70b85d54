"""The responder's side: its handler returns answers, or it answers later.

The answer stands on the message's receipt, so that a request which arrives again is answered with
the same words, and not asked of the handler again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

import orjson

from wildrydes import prepared, publishing, subscriptions, topology
from wildrydes.answering.answer import Answer, failed, from_data, refuse_unfit
from wildrydes.envelope import Envelope
from wildrydes.errors import PublishError
from wildrydes.models import Receipt
from wildrydes.outgoing import Outgoing, Plain
from wildrydes.subscriptions import Binding
from wildrydes.topology import Subscription

Responder = Callable[[Sequence[Envelope]], Sequence[Answer | None]]

KEEP_ANSWER = """
UPDATE wildrydes_receipt SET answer = %s WHERE subscription = %s AND message_id = %s
"""
# What responders have just said, for the receipts, and for who carries it back.
_heard: ContextVar[dict[UUID, Heard]] = ContextVar("heard")
ENDED_WITHOUT = (Receipt.Status.DEAD, Receipt.Status.DROPPED)


class Heard(NamedTuple):
    """A request, and what was answered just now; None where the answer comes later, or never."""

    request: Envelope
    answer: Answer | None


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What one responder answers to one request."""

    to: Envelope
    responder: str
    answer: Answer


def answers(
    subscription: str, *, outside_effects: bool = False, replayable: bool = False
) -> Callable[[Responder], Responder]:
    """Bind a responder: it takes requests and returns an answer for each, in order.

    None means that it answers later, by `reply`, or never. When it raises it is called for each
    request alone; one that ends dead is answered with `failed`. The flags are those of `subscribe`.
    """

    def bind(responder: Responder) -> Responder:
        def run(envelopes: Sequence[Envelope]) -> None:
            pairs = zip(envelopes, responder(envelopes), strict=True)
            said = {envelope.id: Heard(envelope, answer) for envelope, answer in pairs}
            for item in said.values():
                if item.answer:
                    refuse_unfit(item.answer)
            _heard.get().update(said)

        fenced = outside_effects and not replayable
        subscriptions.add(
            Binding(subscription, run, takes_batches=True, fenced=fenced, role="answers")
        )
        return responder

    return bind


def reply(*, to: Envelope, responder: str, answer: Answer) -> UUID:
    """Answer a request later, from whatever database; return the reply's message id.

    Must be called inside a transaction. Raises `PublishError` when the request names no gathering
    or the gathering takes no replies, and `ValueError` for an answer that is unfit.
    """
    return reply_each([Reply(to=to, responder=responder, answer=answer)])[0]


def reply_each(replies: Sequence[Reply]) -> list[UUID]:
    """Answer many requests later, in one statement; return the ids in order. As `reply` else."""
    for item in replies:
        if not item.to.reply_to:
            raise PublishError(
                f"the {item.to.type!r} with id {item.to.id} names nobody to reply to"
            )
        refuse_unfit(item.answer)
    return _send(replies)


def reply_all(subscription: Subscription, envelopes: Sequence[Envelope]) -> None:
    """Send what the subscription has to say to these requests by messages of their own.

    The way of a delivery that nothing carries back.
    """
    said = said_to(subscription, envelopes)
    replies = [
        Reply(to=envelope, responder=subscription.responder, answer=said[envelope.id])
        for envelope in envelopes
        if envelope.id in said
    ]
    if replies:
        _send(replies)


@contextmanager
def hearing() -> Iterator[Mapping[UUID, Heard]]:
    """Yield what is answered in the block, by the requests' ids, as it was said last.

    It holds when all of it is committed, and not when a part was rolled back. Within another such
    block it is heard there.
    """
    if (outside := _heard.get(None)) is not None:
        yield outside
        return
    heard: dict[UUID, Heard] = {}
    token = _heard.set(heard)
    try:
        yield heard
    finally:
        _heard.reset(token)


def keep(subscription: str, *, message_ids: Iterable[UUID]) -> None:
    """Write on their receipts what these requests were just answered.

    After the handler's savepoint, since it goes with the end of the transaction there.
    """
    heard = _heard.get()
    for message_id in message_ids:
        if (answer := heard[message_id].answer) is not None:
            kept = orjson.dumps(answer.to_data()).decode()
            prepared.say(KEEP_ANSWER, [kept, subscription, message_id])


def answered_in(
    heard: Sequence[Heard], *, subscription: Subscription
) -> Iterator[tuple[Envelope, Answer]]:
    """Yield what was answered to whom this subscription answers, each with its request."""
    for request, answer in heard:
        if answer and request.reply_to == subscription.answers_to:
            yield request, answer


def said_to(subscription: Subscription, envelopes: Sequence[Envelope]) -> dict[UUID, Answer]:
    """Return what stands on the receipts of these requests, as far as they are settled."""
    ids = [item.id for item in envelopes if item.reply_to == subscription.answers_to]
    found = Receipt.objects.filter(subscription=subscription.name, message_id__in=ids)
    said: dict[UUID, Answer] = {}
    for message_id, status, answer, error in found.values_list(
        "message_id", "status", "answer", "error"
    ):
        if answer is not None:
            said[message_id] = from_data(answer)
        elif status in ENDED_WITHOUT:
            said[message_id] = failed(error)
    return said


def _send(replies: Sequence[Reply]) -> list[UUID]:
    outgoing = [
        Outgoing(
            body=Plain(
                _reply_type(item.to.reply_to),
                {"responder": item.responder, **item.answer.to_data()},
            ),
            subject=item.to.subject,
            recipients=[item.to.reply_to],
            cause=item.to,
        )
        for item in replies
    ]
    return publishing.store_all(outgoing, kind="reply")


def _reply_type(gathering: str) -> str:
    types = topology.current().subscription(gathering).replies
    if not types:
        raise PublishError(f"{gathering!r} takes no replies")
    return types[0]
