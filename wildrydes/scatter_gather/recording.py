"""Answers become rows: each responder's once, counted while the scatter is open, kept for ever.

Every function must be called inside a transaction.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal
from uuid import UUID

import orjson
import structlog

from wildrydes import crashpoints, postgres
from wildrydes.answering.answer import Answer, failed, refuse_unfit, storable_reason
from wildrydes.errors import WildRydesError
from wildrydes.models import Response
from wildrydes.scatter_gather import aggregates, closing, statements
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


def record(scatter_id: UUID, *, responder: str, answer: Answer) -> Response:
    """Record what a responder said, and end the scatter if it is complete; return the response.

    After the end it is kept and marked `late`. Raises `UnknownScatterError`, `NotAskedError`, and
    `AlreadyAnsweredError` with the response that stands.
    """
    locked = closing.lock([scatter_id])
    if not locked:
        raise UnknownScatterError(f"there is no scatter {scatter_id}")
    (verdict,) = _record(locked, [Said(scatter_id, responder, answer)])
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
    wanted = list({item.scatter_id for item in said})
    locked = [item for item in closing.lock(wanted) if item.gathering == gathering]
    return _record(locked, said)


def _record(locked: Sequence[Question], said: Sequence[Said]) -> list[Verdict]:
    scatters = {scatter.id: scatter for scatter in locked}
    fit = {
        (item.scatter_id, item.responder): _checked(item, scatters[item.scatter_id])
        for item in reversed(said)
        if item.scatter_id in scatters and item.responder in scatters[item.scatter_id].asked
    }
    written, counts = _write(list(fit.values()), scatters)
    verdicts = [_verdict(item, scatters, written) for item in said]
    closing.end_counted(locked, counts)
    return verdicts


def _write(
    said: Sequence[Said], scatters: dict[UUID, Question]
) -> tuple[set[tuple[UUID, str]], list[closing.Count]]:
    """Write what was said; return which of it is new, and how far each open scatter is now."""
    rows = [
        {
            "scatter_id": item.scatter_id,
            "responder": item.responder,
            "outcome": item.answer.outcome,
            "late": not scatters[item.scatter_id].is_open,
            "data": orjson.Fragment(json.dumps(dict(item.answer.data))),
            "reason": storable_reason(item.answer.reason),
        }
        for item in said
    ]
    open_ = postgres.array([scatter.id for scatter in scatters.values() if scatter.is_open])
    with postgres.ask(statements.RECORD_AND_COUNT, [orjson.dumps(rows).decode(), open_]) as cursor:
        written = {(scatter_id, responder) for scatter_id, responder, _ in cursor.fetchall()}
        cursor.nextset()
        return written, cursor.fetchall()


def _verdict(item: Said, scatters: dict[UUID, Question], written: set[tuple[UUID, str]]) -> Verdict:
    """Say what became of an answer; of two by the same responder the first takes the place."""
    scatter = scatters.get(item.scatter_id)
    if scatter is None:
        return "unknown"
    if item.responder not in scatter.asked:
        return "not asked"
    if (key := (item.scatter_id, item.responder)) not in written:
        return "duplicate"
    written.remove(key)
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
