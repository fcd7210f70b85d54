"""Answers become rows: each responder's once, counted while the scatter is open, kept for ever.

Every function must be called inside a transaction.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal
from uuid import UUID

import orjson
import structlog

from wildrydes import crashpoints, postgres, prepared
from wildrydes.answering.answer import Answer, failed, refuse_unfit, storable_reason
from wildrydes.errors import WildRydesError
from wildrydes.models import Response
from wildrydes.scatter_gather import aggregates, closing, rows, statements
from wildrydes.scatter_gather.rows import Question

log = structlog.get_logger(__name__)

Verdict = Literal["recorded", "late", "duplicate", "not asked", "unknown"]


class ScatterError(WildRydesError):
    """Base of what keeps an answer from being recorded."""


class UnknownScatterError(ScatterError):
    """There is no such scatter here."""


class NotAskedError(ScatterError):
    """The responder was not asked."""


class AlreadyAnsweredError(ScatterError):
    """The responder has answered; `response` is what it said."""

    def __init__(self, response: Response) -> None:
        super().__init__(f"{response.responder} has answered scatter {response.scatter_id}")
        self.response = response


@dataclass(frozen=True)
class Said:
    """One responder's answer to one scatter."""

    scatter_id: UUID
    responder: str
    answer: Answer


@dataclass(frozen=True)
class _Written:
    """The scatters, locked; which answers are new; how far each that is open has come."""

    scatters: dict[UUID, Question]
    new: set[tuple[UUID, str]]
    counts: Sequence[closing.Count]


def record(scatter_id: UUID, *, responder: str, answer: Answer) -> Response:
    """Record what a responder said, and end the scatter if it is complete; return the response.

    After the end it is kept and marked `late`. Raises `UnknownScatterError`, `NotAskedError`, and
    `AlreadyAnsweredError` with the response that stands.
    """
    (verdict,) = _record(rows.known([scatter_id]), [Said(scatter_id, responder, answer)])
    if verdict == "unknown":
        raise UnknownScatterError(f"there is no scatter {scatter_id}")
    if verdict == "not asked":
        raise NotAskedError(f"{responder!r} was not asked by scatter {scatter_id}")
    response = Response.objects.get(scatter_id=scatter_id, responder=responder)
    if verdict == "duplicate":
        raise AlreadyAnsweredError(response)
    return response


def record_all(said: Sequence[Said], *, gathering: str) -> list[Verdict]:
    """Record many answers in a few statements; return what became of each, in order.

    A scatter of another gathering is unknown here.
    """
    crashpoints.reach("scatter.recording")
    asked = rows.known({item.scatter_id for item in said})
    here = {id_: scatter for id_, scatter in asked.items() if scatter.gathering == gathering}
    return _record(here, said)


def _record(asked: Mapping[UUID, Question], said: Sequence[Said]) -> list[Verdict]:
    fit = {
        (item.scatter_id, item.responder): _checked(item, asked[item.scatter_id])
        for item in reversed(said)
        if item.scatter_id in asked and item.responder in asked[item.scatter_id].asked
    }
    written = _write(list(fit.values()))
    overdue = [item for item in written.scatters.values() if item.is_open and item.is_overdue]
    if overdue:
        closing.end(overdue, because="deadline")
        ended = {scatter.id for scatter in overdue}
        late = _write([item for item in fit.values() if item.scatter_id in ended])
        written.new.update(late.new)
    verdicts = [_verdict(item, asked, written) for item in said]
    closing.end_counted(written.scatters, written.counts)
    return verdicts


def _write(said: Sequence[Said]) -> _Written:
    """Lock the scatters and write what was said; of what is open beyond its deadline, nothing."""
    if not said:
        return _Written({}, set(), [])
    given = [
        {
            "scatter_id": item.scatter_id,
            "responder": item.responder,
            "outcome": item.answer.outcome,
            "data": orjson.Fragment(json.dumps(dict(item.answer.data))),
            "reason": storable_reason(item.answer.reason),
        }
        for item in said
    ]
    ids = postgres.array(list({item.scatter_id for item in said}))
    with prepared.execute_together(
        (statements.RECORD, [ids, orjson.dumps(given).decode()]), (statements.COUNT, [ids])
    ) as cursor:
        locked = [(rows.question(values), values[-1] or ()) for values in cursor.fetchall()]
        cursor.nextset()
        counts = cursor.fetchall()
    return _Written(
        scatters={scatter.id: scatter for scatter, _ in locked},
        new={(scatter.id, responder) for scatter, responders in locked for responder in responders},
        counts=counts,
    )


def _verdict(item: Said, asked: Mapping[UUID, Question], written: _Written) -> Verdict:
    """Say what became of an answer; of two by the same responder the first takes the place."""
    if item.scatter_id not in asked:
        return "unknown"
    if item.responder not in asked[item.scatter_id].asked:
        return "not asked"
    scatter = written.scatters.get(item.scatter_id)
    if scatter is None:
        return "unknown"
    if (key := (item.scatter_id, item.responder)) not in written.new:
        return "duplicate"
    written.new.remove(key)
    return "recorded" if scatter.is_open else "late"


def _checked(item: Said, scatter: Question) -> Said:
    """Return the answer as the gathering believes it: one that it does not believe has failed."""
    try:
        refuse_unfit(item.answer)
        if item.answer.outcome != "answered":
            return item
        check = aggregates.gathering(scatter.gathering).check
        if check is None:
            return item
        data = check(scatter, item.responder, item.answer.data)
        believed = replace(item.answer, data=data)
        refuse_unfit(believed)
    except (ValueError, TypeError, RecursionError) as error:
        log.warning(
            "answer_refused",
            scatter=str(item.scatter_id),
            responder=item.responder,
            error=str(error),
        )
        return replace(item, answer=failed(str(error)))
    return replace(item, answer=believed)
