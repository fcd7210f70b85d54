"""The end of a scatter: once, with an entry for everyone, and its event in the same transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

import structlog
from django.db import InterfaceError, OperationalError, transaction

from wildrydes import crashpoints, postgres, prepared, publishing
from wildrydes.answering.answer import storable_reason
from wildrydes.context import Context
from wildrydes.models import Scatter
from wildrydes.outgoing import Outgoing
from wildrydes.retry import describe
from wildrydes.scatter_gather import aggregates, rows, rules, statements
from wildrydes.scatter_gather.rows import Entry, Question

log = structlog.get_logger(__name__)

Causes = Mapping[UUID, Context]
Entries = Mapping[UUID, Sequence[Entry]]
Count = tuple[UUID, bool, int, int]  # a scatter, is it overdue, how many responded and answered
OUTAGES = (OperationalError, InterfaceError)


def close(scatter_id: UUID, *, because: str = "cancelled") -> bool:
    """End a scatter before its time; say whether it was open.

    Must be called inside a transaction.
    """
    open_ = [scatter for scatter in lock([scatter_id]) if scatter.is_open]
    end(open_, because=because)
    return bool(open_)


def lock(scatter_ids: Sequence[UUID], *, statement: str = statements.LOCK) -> list[Question]:
    """Return the scatters, locked until the end of the transaction, with the deadlines carried out.

    One lock order for everybody: two who have the
    same scatters in hand wait for each other, and cannot lock each other out.
    """
    found = rows.find(statement, [postgres.array(scatter_ids)])
    end([item for item in found if item.is_overdue and item.is_open], because="deadline")
    return found


def close_complete(scatter_ids: Sequence[UUID]) -> int:
    """End those of the scatters that are open and complete; count them. Inside a transaction."""
    return end_complete(lock(scatter_ids, statement=statements.LOCK_OPEN))


def end_complete(locked: Sequence[Question]) -> int:
    """End those of the locked scatters that are open and complete; count them."""
    open_ = [scatter.id for scatter in locked if scatter.is_open]
    if not open_:
        return 0
    with prepared.execute(statements.COUNT, [postgres.array(open_)]) as cursor:
        counts = cursor.fetchall()
    return end_counted({scatter.id: scatter for scatter in locked}, counts)


def end_counted(scatters: Mapping[UUID, Question], counts: Iterable[Count]) -> int:
    """End those of the locked, open scatters that are complete by these counts; count them.

    Those whose deadline has passed while they were locked are ended too: nobody else could.
    """
    complete, overdue = [], []
    for scatter_id, is_overdue, responded, answered in counts:
        scatter = scatters[scatter_id]
        if not scatter.is_open:
            continue
        if rules.is_met(scatter, responded=responded, answered=answered):
            complete.append(scatter)
        elif is_overdue:
            overdue.append(scatter)
    end(complete, because="completed")
    end(overdue, because="deadline")
    return len(complete)


def end(scatters: Sequence[Question], *, because: str) -> None:
    """End scatters that are locked and open, and publish what their gatherings make of them."""
    if not scatters:
        return
    ids = postgres.array([scatter.id for scatter in scatters])
    crashpoints.reach("scatter.closing")
    prepared.say(statements.TIME_OUT, [ids])
    causes: dict[UUID, Context] = {}
    closed_at: dict[UUID, datetime] = {}
    with prepared.execute_together(
        (statements.CLOSE, [because, ids]), (statements.ENTRIES, [ids])
    ) as cursor:
        for found, moment, correlation_id, trace_parent, _ in cursor.fetchall():
            closed_at[found] = moment
            if correlation_id is not None:
                causes[found] = Context(correlation_id, found, trace_parent)
        cursor.nextset()
        entries = rows.entries(cursor.fetchall())
    for scatter in scatters:
        scatter.status, scatter.closed_because = Scatter.Status.CLOSED, because
        scatter.closed_at = closed_at[scatter.id]
    _publish(scatters, entries, causes)
    transaction.on_commit(lambda: crashpoints.reach("scatter.closed"))
    log.info("scatters_closed", because=because, count=len(scatters))


def _publish(scatters: Sequence[Question], entries: Entries, causes: Causes) -> None:
    """Publish the aggregates' events; one that cannot be made must not hold up the others."""
    if _attempt(scatters, entries, causes) is None:
        return
    for scatter in scatters:
        if (error := _attempt([scatter], entries, causes)) is not None:
            _keep_error(scatter, error)


def _attempt(scatters: Sequence[Question], entries: Entries, causes: Causes) -> Exception | None:
    """Publish in a savepoint; return what was raised, after rolling back to there."""
    try:
        with transaction.atomic():
            publishing.publish_all(
                [_event(scatter, entries.get(scatter.id, ()), causes) for scatter in scatters]
            )
    except OUTAGES:
        raise
    except Exception as error:  # noqa: BLE001 - whatever an aggregate raises is kept with its scatter
        return error
    return None


def _event(scatter: Question, entries: Sequence[Entry], causes: Causes) -> Outgoing:
    aggregate = aggregates.gathering(scatter.gathering).aggregate
    return Outgoing(
        body=aggregate(scatter, entries),
        subject=str(scatter.id),
        cause=causes.get(scatter.id),
    )


def _keep_error(scatter: Question, error: Exception) -> None:
    log.error("aggregate_failed", scatter=str(scatter.id), error=describe(error))
    Scatter.objects.filter(id=scatter.id).update(error=storable_reason(describe(error)))
