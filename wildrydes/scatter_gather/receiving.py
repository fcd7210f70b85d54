"""The gathering: replies that come as messages, and the function that makes one of many."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from wildrydes import subscriptions
from wildrydes.answering.answer import from_data
from wildrydes.envelope import Envelope
from wildrydes.errors import Discard, Reject
from wildrydes.scatter_gather import aggregates, recording
from wildrydes.scatter_gather.aggregates import Aggregate, Check, Gathering
from wildrydes.scatter_gather.recording import Said
from wildrydes.subscriptions import Binding


def gathers(subscription: str, *, check: Check | None = None) -> Callable[[Aggregate], Aggregate]:
    """Bind the function that makes an event of a question and its entries, when it ends.

    It is called in the transaction that ends the scatter, with the entries in order of arrival,
    and those who timed out last. The event's subject is the scatter's id. `check` returns the data
    of an answer as it is to be recorded; what it refuses, with a `ValueError`, has failed. It is
    called before the scatter is locked: with what was asked, which need not be open any more.
    """

    def bind(aggregate: Aggregate) -> Aggregate:
        def receive(envelopes: Sequence[Envelope]) -> None:
            _record(envelopes, gathering=subscription)

        subscriptions.add(Binding(subscription, receive, takes_batches=True, role="gathers"))
        aggregates.add(Gathering(subscription, aggregate, check))
        return aggregate

    return bind


def _record(envelopes: Sequence[Envelope], *, gathering: str) -> None:
    """Record the replies. What none of them may be raises, and the batch is taken apart."""
    verdicts = recording.record_all([_said(item) for item in envelopes], gathering=gathering)
    for envelope, verdict in zip(envelopes, verdicts, strict=True):
        match verdict:
            case "unknown":
                raise Reject(f"nobody here has asked: there is no scatter {envelope.causation_id}")
            case "not asked":
                raise Reject(f"{envelope.data.get('responder')!r} was not asked")
            case "duplicate":
                raise Discard(f"{envelope.data.get('responder')!r} has answered already")


def _said(envelope: Envelope) -> Said:
    if envelope.causation_id is None:
        raise Reject("a reply needs the causation id of its request")
    responder = envelope.data.get("responder")
    return Said(envelope.causation_id, str(responder), from_data(envelope.data))
