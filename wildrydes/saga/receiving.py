"""The orchestrator: answers come by chain or as messages, and take their sagas further."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import structlog

from wildrydes import crashpoints, subscriptions
from wildrydes.answering.answer import Answer, from_data
from wildrydes.envelope import Envelope
from wildrydes.errors import Reject
from wildrydes.saga import advancing, rows
from wildrydes.saga.happenings import Happening, Told, Woken
from wildrydes.subscriptions import Binding

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Said:
    """What a participant said to a command, which bears `subject`."""

    message: UUID
    subject: str
    answer: Answer


def orchestrates(subscription: str) -> None:
    """Let this subscription take the answers of participants, for every saga that names it."""

    def receive(envelopes: Sequence[Envelope]) -> None:
        said = [_said(item) for item in envelopes]
        record_all(said, orchestrator=subscription)

    subscriptions.add(Binding(subscription, receive, takes_batches=True, role="advances"))


def record_all(said: Sequence[Said], *, orchestrator: str) -> Counter[str]:
    """Take sagas further by what was said to their commands, in a few statements; count.

    Must be called inside a transaction. What belongs to no saga of this orchestrator is logged.
    """
    crashpoints.reach("saga.recording")
    happened: dict[UUID, list[Happening]] = defaultdict(list)
    told: Counter[UUID] = Counter()
    for item in said:
        address = _address(item.subject)
        if address is not None:
            saga_id, step = address
            happened[saga_id] += _heard(step, item)
            told[saga_id] += 1
    locked = rows.lock(list(happened)) if happened else []
    here = [row for row in locked if row.orchestrator in (orchestrator, "")]
    advancing.advance(here, happened)
    counts: Counter[str] = Counter(item.answer.outcome for item in said)
    known = sum(told[row.state.saga] for row in here)
    if unknown := len(said) - known:
        log.error("answers_to_no_saga", orchestrator=orchestrator, count=unknown)
    counts["unknown"] = unknown
    return counts


def _heard(step: str, item: Said) -> list[Happening]:
    """Let the time be looked at before a failure is believed.

    A command that has expired is answered as failed. Its hop is over, whether or not the saga has
    been woken yet, and a hop that is over has timed out: the answer is late.
    """
    told = Told(step, item.message, item.answer)
    return [Woken(), told] if item.answer.outcome == "failed" else [told]


def _said(envelope: Envelope) -> Said:
    if envelope.causation_id is None or _address(envelope.subject) is None:
        raise Reject("an answer needs the causation id and the subject of its command")
    return Said(envelope.causation_id, envelope.subject, from_data(envelope.data))


def _address(subject: str) -> tuple[UUID, str] | None:
    """Return the saga and the step that a subject names; none when it is of another form."""
    saga, _, rest = subject.partition("/")
    try:
        return UUID(saga), rest.partition("/")[0]
    except ValueError:
        return None
