"""Sagas as rows: locked, read, and written back with their history, many in a few statements.

Every function must be called inside a transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from wildrydes import context, prepared, publishing
from wildrydes.answering.answer import storable_reason
from wildrydes.outgoing import Outgoing
from wildrydes.saga import statements
from wildrydes.saga.deciding import Decision
from wildrydes.saga.definition import find
from wildrydes.saga.state import State, step_from


@dataclass(frozen=True, kw_only=True)
class Row:
    """A saga in hand. `now` is the database's time.

    It has no orchestrator where its definition is unknown.
    """

    state: State
    definition: str
    version: int
    orchestrator: str
    correlation_id: str
    causation_id: UUID | None
    trace_parent: str
    now: datetime


@dataclass(frozen=True)
class Change:
    """What was decided about a saga. `cause` is the message that led to it, where one did."""

    row: Row
    decision: Decision
    cause: UUID | None = None


def lock(saga_ids: Sequence[UUID]) -> list[Row]:
    """Return the sagas that exist, locked until the end of the transaction.

    One lock order for everybody: two who have the same sagas in hand wait for each other.
    """
    return _rows(statements.LOCK, [f"{{{','.join(map(str, saga_ids))}}}"])


def claim_due(*, limit: int) -> list[Row]:
    """Return sagas whose time to be woken has come, locked; what others have is left to them."""
    return _rows(statements.CLAIM_DUE, [limit])


def insert(changes: Sequence[Change]) -> list[UUID]:
    """Insert sagas with different keys; return the id of each, or of the one that has its key."""
    given = [{**_lasting(item.row), **_changing(item.decision.state)} for item in changes]
    cursor = prepared.execute(statements.START, [orjson.dumps(given).decode()])
    ids = {(name, key): saga_id for name, key, saga_id in cursor.fetchall()}
    return [ids[item.row.definition, item.row.state.key] for item in changes]


def update(changes: Sequence[Change]) -> None:
    """Store the new states of sagas that are locked."""
    changed = [item.decision.state for item in changes if item.decision.state != item.row.state]
    if changed:
        given = [{"id": state.saga, **_changing(state)} for state in changed]
        prepared.say(statements.UPDATE, [orjson.dumps(given).decode()])


def tell(changes: Sequence[Change]) -> None:
    """Store what is new in the histories, and send what was decided."""
    history = [event for item in changes for event in _events(item)]
    if history:
        prepared.say(statements.ADD_HISTORY, [orjson.dumps(history).decode()])
    commands = [outgoing for item in changes for outgoing in _commands(item)]
    if commands:
        publishing.send_all(commands)
    events = [outgoing for item in changes for outgoing in _published(item)]
    if events:
        publishing.publish_all(events)


def _rows(statement: str, parameters: Sequence[Any]) -> list[Row]:
    with prepared.execute(statement, parameters) as cursor:
        return [_row(values) for values in cursor.fetchall()]


def _row(values: Sequence[Any]) -> Row:
    saga_id, definition, version, key, status, is_turned, given, steps, *others = values
    failed_step, reason, stuck_because, correlation_id, causation_id, trace_parent, *times = others
    deadline_at, wake_at, ended_at, events, now, _ = times
    state = State(
        saga=saga_id,
        key=key,
        input=_object(given),
        status=status,
        is_turned=is_turned,
        steps={name: step_from(data) for name, data in _object(steps).items()},
        failed_step=failed_step,
        reason=reason,
        deadline_at=deadline_at,
        wake_at=wake_at,
        ended_at=ended_at,
        events=events,
    )
    known = find(definition, version)
    return Row(
        state=state.troubled_by(stuck_because),
        definition=definition,
        version=version,
        orchestrator=known.orchestrator if known is not None else "",
        correlation_id=correlation_id,
        causation_id=causation_id,
        trace_parent=trace_parent,
        now=now,
    )


def _object(value: Any) -> Any:
    return orjson.loads(value) if isinstance(value, str | bytes) else value


def _lasting(row: Row) -> dict[str, Any]:
    return {
        "id": row.state.saga,
        "definition": row.definition,
        "version": row.version,
        "key": row.state.key,
        "input": row.state.input,
        "correlation_id": row.correlation_id,
        "causation_id": row.causation_id,
        "trace_parent": row.trace_parent,
    }


def _changing(state: State) -> dict[str, Any]:
    return {
        "status": state.status,
        "is_turned": state.is_turned,
        "state": {name: step.to_data() for name, step in state.steps.items()},
        "failed_step": state.failed_step,
        "reason": storable_reason(state.reason),
        "stuck_because": storable_reason(state.stuck_because),
        "deadline_at": state.deadline_at,
        "wake_at": state.wake_at,
        "ended_at": state.ended_at,
        "events": state.events,
    }


def _events(change: Change) -> list[dict[str, Any]]:
    saga_id = change.row.state.saga
    first = change.row.state.events + 1
    return [
        {
            "saga_id": saga_id,
            "number": number,
            "kind": entry.kind,
            "step": entry.step,
            "attempt": entry.attempt,
            "message_id": entry.message,
            "data": entry.data,
            "reason": storable_reason(entry.reason) if entry.reason else "",
            "actor": entry.actor,
            "wake_at": entry.wake_at,
            "at": entry.at,
        }
        for number, entry in enumerate(change.decision.entries, first)
    ]


def _commands(change: Change) -> list[Outgoing]:
    if not change.decision.commands:
        return []
    cause = _cause(change)
    return [
        Outgoing(
            body=command.body,
            subject=command.subject,
            group_id=str(change.row.state.saga),
            not_before=command.not_before,
            expires_at=command.expires_at,
            reply_to=change.row.orchestrator,
            cause=cause,
            id=command.message,
        )
        for command in change.decision.commands
    ]


def _published(change: Change) -> list[Outgoing]:
    cause = _cause(change)
    subject = str(change.row.state.saga)
    return [Outgoing(body=body, subject=subject, cause=cause) for body in change.decision.events]


def _cause(change: Change) -> context.Context:
    row = change.row
    return context.Context(row.correlation_id, change.cause or row.causation_id, row.trace_parent)
