"""Many sagas are taken further at once, and one that cannot be touches none of the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from uuid import UUID

import structlog
from django.db import InterfaceError, OperationalError, transaction
from prometheus_client import Counter

from wildrydes import retry
from wildrydes.saga import definition, rows
from wildrydes.saga.deciding import Decision, decide, give_up
from wildrydes.saga.happenings import Happening, Told
from wildrydes.saga.rows import Change, Row

log = structlog.get_logger(__name__)

ENDED = Counter(
    "wildrydes_sagas_ended",
    "Sagas by definition and how they ended: completed, compensated; or got stuck.",
    ["definition", "status"],
)
LOUD = ("completed", "compensated", "stuck")
OUTAGES = (OperationalError, InterfaceError)

Happened = Mapping[UUID, Sequence[Happening]]


def advance(locked: Sequence[Row], happened: Happened) -> None:
    """Decide what happened to each of the locked sagas, in order, and carry it out.

    Must be called inside a transaction, by whoever holds the locks.
    """
    if not locked or _attempt(locked, happened) is None:
        return
    for row in locked:
        if (error := _attempt([row], happened)) is not None:
            _give_up(row, happened[row.state.saga], error)


def _attempt(locked: Sequence[Row], happened: Happened) -> Exception | None:
    """Take the sagas further in a savepoint; return what was raised, rolled back to there."""
    try:
        with transaction.atomic():
            changes = [_decided(row, happened[row.state.saga]) for row in locked]
            _write(changes)
    except OUTAGES:
        raise
    except Exception as error:  # noqa: BLE001 - whatever cannot be sent is its saga's fate
        return error
    return None


def _decided(row: Row, happenings: Sequence[Happening]) -> Change:
    """Decide one happening after the other; return what they come to."""
    known = definition.find(row.definition, row.version)
    total = Decision(state=row.state)
    for happening in happenings:
        total = _joined(total, decide(known, total.state, happening, row.now))
    told = [item.message for item in happenings if isinstance(item, Told)]
    return Change(row, total, told[-1] if told else None)


def _joined(first: Decision, then: Decision) -> Decision:
    return Decision(
        state=then.state,
        entries=[*first.entries, *then.entries],
        commands=[*first.commands, *then.commands],
        events=[*first.events, *then.events],
        refused=then.refused,
    )


def _give_up(row: Row, happenings: Sequence[Happening], error: Exception) -> None:
    """Let a saga be stuck whose next step could not be stored or sent."""
    reason = f"could not go on: {retry.describe(error)}"
    known = definition.find(row.definition, row.version)
    total = Decision(state=row.state)
    for happening in happenings:
        given_up = give_up(total.state, happening, row.now, reason=reason, definition=known)
        total = _joined(total, given_up)
    try:
        with transaction.atomic():
            _write([Change(row, total)])
    except OUTAGES:
        raise
    except Exception as untold:  # noqa: BLE001 - it is stuck, though nobody can be told by event
        log.error("stuck_untold", saga=str(row.state.saga), error=retry.describe(untold))
        _write([Change(row, replace(total, events=()))])


def _write(changes: Sequence[Change]) -> None:
    rows.update(changes)
    rows.tell(changes)
    count(changes)


def count(changes: Sequence[Change]) -> None:
    """Say, when it is committed, which sagas have ended and which got stuck."""
    news = [item for item in changes if item.decision.state.status != item.row.state.status]
    loud = [item for item in news if item.decision.state.status in LOUD]
    if loud:
        transaction.on_commit(lambda: _say(loud))


def _say(changes: Sequence[Change]) -> None:
    for item in changes:
        state, name = item.decision.state, item.row.definition
        ENDED.labels(name, state.status).inc()
        if state.status == "stuck":
            log.error(
                "saga_stuck",
                saga=str(state.saga),
                definition=name,
                key=state.key,
                step=state.stuck_step,
                reason=state.stuck_because,
            )
