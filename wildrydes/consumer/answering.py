"""Both ends of the fast carrier: a responder's delivery, and whoever takes its answers.

A gathering records them, an orchestrator takes its sagas further. Nothing here raises. In a chord
that would only keep the others' answers from being looked at; what could not be committed is
logged, and the dispatch's lease brings it back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import structlog
from django.db import connection, transaction

from wildrydes import crashpoints, models, topology, wire
from wildrydes.answering import responding
from wildrydes.answering.answer import Answer, from_data
from wildrydes.consumer import consuming, heartbeat, reading
from wildrydes.envelope import Envelope
from wildrydes.errors import UnreadableMessageError
from wildrydes.relay import acknowledgements
from wildrydes.saga import receiving
from wildrydes.scatter_gather import closing, recording
from wildrydes.topology import Subscription

log = structlog.get_logger(__name__)

LONG_AGO = datetime.min.replace(tzinfo=UTC)

Carried = Mapping[str, Any]
Pair = tuple[Envelope, Answer]


def answer(*, subscription: str, body: Mapping[str, Any], worker: str = "") -> Carried:
    """Handle one delivery of a responder; return what it says, for `record`.

    The dispatch stays open. Messages that were handled before are answered as they were then.
    """
    try:
        with responding.hearing() as heard:
            outcome = consuming.consume(
                subscription=subscription, body=body, worker=worker, carried=True
            )
        delivery = wire.read(body)
        is_all_new = outcome.done == len(delivery.messages)
        return _answers(subscription, delivery, heard=list(heard.values()) if is_all_new else None)
    except Exception:
        log.exception("answers_lost", subscription=subscription)
        connection.close()
        return {}


def record(*, gathering: str, carried: Carried) -> None:
    """Commit the answers of one delivery, and acknowledge it."""
    if not carried:
        return
    try:
        _record(gathering, carried)
    except Exception:
        log.exception("answers_not_recorded", gathering=gathering)
        connection.close()


def advance(*, orchestrator: str, carried: Carried) -> None:
    """Take sagas further by the answers of one delivery, and acknowledge it."""
    if not carried:
        return
    try:
        _advance(orchestrator, carried)
    except Exception:
        log.exception("sagas_not_advanced", orchestrator=orchestrator)
        connection.close()


def look_again(*, scatter_ids: Sequence[str]) -> None:
    """End those of the scatters that are complete, when every delivery of a chord is through."""
    try:
        with transaction.atomic():
            closing.close_complete([UUID(scatter_id) for scatter_id in scatter_ids])
    except Exception:
        log.exception("scatters_not_looked_at")
        connection.close()


def _answers(
    name: str, delivery: wire.Delivery, *, heard: Sequence[responding.Heard] | None
) -> Carried:
    subscription = topology.current().subscription(name)
    if heard is None:
        said = _on_receipts(subscription, delivery)
    else:
        said = list(responding.answered_in(heard, subscription=subscription))
    return {
        "dispatch": str(delivery.dispatch_id),
        "origin": delivery.origin,
        "attempt": delivery.attempt,
        "queue": subscription.queue,
        "lease_until": consuming.lease_until(name, delivery).isoformat(),
        "responder": subscription.responder,
        "answers": [
            [
                *(str(request.id), answer.outcome, dict(answer.data), answer.reason),
                *([request.subject] if subscription.command else ()),
            ]
            for request, answer in said
        ],
    }


def _on_receipts(subscription: Subscription, delivery: wire.Delivery) -> list[Pair]:
    work = reading.read(delivery, subscription=subscription)
    requests = [item.envelope for item in work.items]
    said = responding.said_to(subscription, requests)
    return [(request, said[request.id]) for request in requests if request.id in said]


def _record(gathering: str, carried: Carried) -> None:
    said = [
        recording.Said(message_id, str(carried["responder"]), answer)
        for message_id, answer, _ in _read(carried)
    ]
    with _closing(carried, point="scatter.recorded"):
        verdicts = recording.record_all(said, gathering=gathering)
    counts = {verdict.replace(" ", "_"): verdicts.count(verdict) for verdict in set(verdicts)}
    log.info("answers_recorded", responder=carried["responder"], **counts)


def _advance(orchestrator: str, carried: Carried) -> None:
    said = [
        receiving.Said(message_id, subject, answer)
        for message_id, answer, subject in _read(carried)
    ]
    with _closing(carried, point="saga.recorded"):
        counts = receiving.record_all(said, orchestrator=orchestrator)
    log.info("sagas_advanced", participant=carried["responder"], **counts)


@contextmanager
def _closing(carried: Carried, *, point: str) -> Iterator[None]:
    """Commit what the block does together with the end of the dispatch, or acknowledge that."""
    dispatch_id, origin = UUID(carried["dispatch"]), str(carried["origin"])
    is_foreign = origin != models.origin()
    at_work = heartbeat.of_this_process().at_work_on(dispatch_id, lease_until=_lease_of(carried))
    with at_work, transaction.atomic():
        yield
        if not is_foreign:
            consuming.close_dispatch(dispatch_id, queue=str(carried["queue"]))
    crashpoints.reach(point)
    if is_foreign:
        acknowledgements.acknowledge(dispatch_id, origin=origin)


def _lease_of(carried: Carried) -> datetime:
    """Return until when the dispatch was leased; long ago for answers that do not say it."""
    said = carried.get("lease_until")
    return datetime.fromisoformat(said) if said else LONG_AGO


def _read(carried: Carried) -> list[tuple[UUID, Answer, str]]:
    """Return each answer with its request's id and, of a command, its subject."""
    try:
        return [
            (
                UUID(message_id),
                from_data({"outcome": outcome, "data": data, "reason": reason}),
                "".join(subject),
            )
            for message_id, outcome, data, reason, *subject in carried["answers"]
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise UnreadableMessageError(f"not the answers of a delivery: {error!r}") from error
