"""Sagas for the people who look at them: rows as the core sees them, and how long things took."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from uuid import UUID

from django.db import connection
from django.db.models import Q, QuerySet

from wildrydes.models import Message, Saga, SagaEvent
from wildrydes.outgoing import Body, Plain
from wildrydes.saga.recorded import History
from wildrydes.saga.state import Entry, State, step_from

NAMES = """
WITH RECURSIVE found(name) AS (
    SELECT min(definition) FROM wildrydes_saga
    UNION ALL
    SELECT (SELECT min(definition) FROM wildrydes_saga WHERE definition > found.name)
    FROM found WHERE found.name IS NOT NULL
)
SELECT name FROM found WHERE name IS NOT NULL
"""
UNITS = (("d", 86_400), ("h", 3_600), ("min", 60))


def state_of(saga: Saga) -> State:
    """Return the state that a row holds."""
    state = State(
        saga=saga.id,
        key=saga.key,
        input=saga.input,
        status=saga.status,  # type: ignore[arg-type]
        is_turned=saga.is_turned,
        steps={name: step_from(data) for name, data in saga.state.items()},
        failed_step=saga.failed_step,
        reason=saga.reason,
        deadline_at=saga.deadline_at,
        wake_at=saga.wake_at,
        ended_at=saga.ended_at,
        events=saga.events,
    )
    return state.troubled_by(saga.stuck_because)


def entries_of(saga: Saga) -> list[Entry]:
    """Return a saga's history, in order."""
    return [_entry(event) for event in SagaEvent.objects.filter(saga=saga).order_by("number")]


def history_of(saga: Saga) -> History:
    """Return a saga's history to be kept, with its commands as far as the log still has them."""
    entries = entries_of(saga)
    return History.of(
        name=saga.definition,
        version=saga.version,
        state=state_of(saga),
        entries=entries,
        sent=commands_of(entries),
    )


def commands_of(entries: Sequence[Entry]) -> Mapping[UUID, Body]:
    """Return the commands of these entries, by message id, as far as the log still has them."""
    ids = [entry.message for entry in entries if entry.message is not None]
    found = Message.objects.filter(id__in=ids).values_list("id", "type", "data")
    return {message_id: Plain(type_, data) for message_id, type_, data in found}


def select(
    *, definition: str = "", status: str = "", key: str = "", limit: int | None = None
) -> QuerySet[Saga]:
    """Return the sagas that were chosen, the newest first."""
    found = Saga.objects.filter(definition__in=[definition] if definition else names())
    if status:
        found = found.filter(status=status)
    if key:
        found = found.filter(key=key)
    return found.order_by("-id")[:limit]


def named(text: str) -> Q:
    """Return what finds the saga with this id, or those with this key, by an index."""
    by_key = Q(definition__in=names(), key=text)
    try:
        return Q(id=UUID(text)) | by_key
    except ValueError:
        return by_key


def names() -> list[str]:
    """Return the names of all definitions that have sagas, by a few looks into an index."""
    with connection.cursor() as cursor:
        cursor.execute(NAMES)
        return [name for (name,) in cursor.fetchall()]


def spoken(passed: timedelta) -> str:
    """Return how long that is, as people say it: `210 ms`, `3.2 s`, `4 min`, `2 h`."""
    seconds = max(0.0, passed.total_seconds())
    for name, size in UNITS:
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {name}"
    return f"{seconds:.1f} s" if seconds >= 1 else f"{seconds * 1000:.0f} ms"


def _entry(event: SagaEvent) -> Entry:
    return Entry(
        kind=event.kind,  # type: ignore[arg-type]
        at=event.at,
        step=event.step,
        attempt=event.attempt,
        message=event.message_id,
        data=event.data,
        reason=event.reason,
        actor=event.actor,
        wake_at=event.wake_at,
    )
