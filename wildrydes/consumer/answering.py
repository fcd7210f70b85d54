"""Both ends of the fast carrier: a responder's delivery, and the gathering that takes its answers.

Nothing here raises. In a chord that would only keep the others' answers from being looked at; what
could not be committed is logged, and the dispatch's lease brings it back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import structlog
from django.db import connection, transaction

from wildrydes import crashpoints, models, topology, wire
from wildrydes.answering import carrier, responding
from wildrydes.answering.answer import from_data
from wildrydes.consumer import consuming, heartbeat, reading
from wildrydes.errors import UnreadableMessageError
from wildrydes.relay import acknowledgements
from wildrydes.scatter_gather import closing, recording

log = structlog.get_logger(__name__)

Carried = Mapping[str, Any]


def answer(*, subscription: str, body: Mapping[str, Any], worker: str = "") -> Carried:
    """Handle one delivery of a responder; return what it says, for `record`.

    The dispatch stays open. Messages that were handled before are answered as they were then.
    """
    try:
        consuming.consume(subscription=subscription, body=body, worker=worker, carried=True)
        return _answers(subscription, wire.read(body))
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


def look_again(*, scatter_ids: Sequence[str]) -> None:
    """End those of the scatters that are complete, when every delivery of a chord is through."""
    try:
        with transaction.atomic():
            closing.close_complete([UUID(scatter_id) for scatter_id in scatter_ids])
    except Exception:
        log.exception("scatters_not_looked_at")
        connection.close()


def _answers(name: str, delivery: wire.Delivery) -> Carried:
    subscription = topology.current().subscription(name)
    work = reading.read(delivery, subscription=subscription)
    said = responding.said_to(subscription, [item.envelope for item in work.items])
    carrier.note_answered(delivery.dispatch_id)
    return {
        "dispatch": str(delivery.dispatch_id),
        "origin": delivery.origin,
        "attempt": delivery.attempt,
        "queue": subscription.queue,
        "responder": subscription.responder,
        "answers": [
            [str(message_id), answer.outcome, answer.data, answer.reason]
            for message_id, answer in said.items()
        ],
    }


def _record(gathering: str, carried: Carried) -> None:
    dispatch_id, said = _read(carried)
    is_foreign = carried["origin"] != models.origin()
    with heartbeat.of_this_process().at_work_on(dispatch_id), transaction.atomic():
        verdicts = recording.record_all(said, gathering=gathering)
        if not is_foreign:
            consuming.close_dispatch(dispatch_id, queue=str(carried["queue"]))
    crashpoints.reach("scatter.recorded")
    if is_foreign:
        acknowledgements.acknowledge(dispatch_id, origin=str(carried["origin"]))
    counts = {verdict.replace(" ", "_"): verdicts.count(verdict) for verdict in set(verdicts)}
    log.info("answers_recorded", responder=carried["responder"], **counts)


def _read(carried: Carried) -> tuple[UUID, list[recording.Said]]:
    try:
        responder = str(carried["responder"])
        said = [
            recording.Said(
                UUID(scatter_id),
                responder,
                from_data({"outcome": outcome, "data": data, "reason": reason}),
            )
            for scatter_id, outcome, data, reason in carried["answers"]
        ]
        return UUID(carried["dispatch"]), said
    except (KeyError, TypeError, ValueError) as error:
        raise UnreadableMessageError(f"not the answers of a delivery: {error!r}") from error
