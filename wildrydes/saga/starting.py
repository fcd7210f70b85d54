"""A saga begins: once for each key, with its first command in the same transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from django.db import transaction

from wildrydes import context, models, prepared, retry
from wildrydes.envelope import Envelope
from wildrydes.errors import OutsideTransactionError
from wildrydes.saga import advancing, definition, rows, statements
from wildrydes.saga.advancing import OUTAGES
from wildrydes.saga.deciding import decide, give_up
from wildrydes.saga.definition import Definition
from wildrydes.saga.happenings import Started
from wildrydes.saga.rows import Change, Row
from wildrydes.saga.state import State


@dataclass(frozen=True, kw_only=True)
class Start:
    """A saga that is wanted. `key` is its business key, `input` a JSON object.

    `cause` is the message that asks for it, where that is not the one being handled.
    """

    name: str
    key: str
    input: Mapping[str, Any]
    cause: Envelope | None = None


def start(name: str, *, key: str, input: Mapping[str, Any], cause: Envelope | None = None) -> UUID:
    """Start a saga by the highest version of its definition; return its id.

    A second start with the key returns the id of the first, and starts nothing. Must be called
    inside a transaction. Raises `ConfigurationError` when no such saga is defined here.
    """
    return start_all([Start(name=name, key=key, input=input, cause=cause)])[0]


def start_all(wanted: Sequence[Start]) -> list[UUID]:
    """Start many sagas in a few statements; return their ids in order. As `start` otherwise."""
    if not transaction.get_connection().in_atomic_block:
        raise OutsideTransactionError("start a saga inside transaction.atomic()")
    first: dict[tuple[str, str], Start] = {}
    for item in wanted:
        first.setdefault((item.name, item.key), item)
    if not first:
        return []
    now: datetime = prepared.execute(statements.NOW, []).fetchone()[0]
    begun = [_row(item, definition.defined(item.name), now=now) for item in first.values()]
    ids = dict(zip(first, _begin(begun), strict=True))
    return [ids[item.name, item.key] for item in wanted]


def _row(wanted: Start, found: Definition, *, now: datetime) -> Row:
    saga_id = models.new_id()
    cause = context.current()
    if wanted.cause is not None:
        given = wanted.cause
        cause = context.Context(given.correlation_id, given.id, given.trace_parent)
    state = State(
        saga=saga_id, key=wanted.key, input=orjson.loads(orjson.dumps(dict(wanted.input)))
    )
    return Row(
        state=state,
        definition=found.name,
        version=found.version,
        orchestrator=found.orchestrator,
        correlation_id=cause.correlation_id or str(saga_id),
        causation_id=cause.causation_id,
        trace_parent=context.child_trace_parent(cause.trace_parent),
        now=now,
    )


def _begin(begun: Sequence[Row]) -> list[UUID]:
    """Store all at once or, where one of them cannot be, each by itself."""
    try:
        with transaction.atomic():
            return _store([_decided(row) for row in begun])
    except OUTAGES:
        raise
    except Exception as error:  # noqa: BLE001 - whatever cannot be stored is its saga's fate
        if len(begun) == 1:
            return _store([_given_up(begun[0], error)])
    return [_begin([row])[0] for row in begun]


def _decided(row: Row) -> Change:
    known = definition.find(row.definition, row.version)
    return Change(row, decide(known, row.state, Started(), row.now))


def _given_up(row: Row, error: Exception) -> Change:
    reason = f"could not be started: {retry.describe(error)}"
    decision = give_up(row.state, Started(), row.now, reason=reason)
    return Change(row, replace(decision, events=()))


def _store(changes: Sequence[Change]) -> list[UUID]:
    ids = rows.insert(changes)
    new = [
        item for item, saga_id in zip(changes, ids, strict=True) if item.row.state.saga == saga_id
    ]
    rows.tell(new)
    advancing.count(new)
    return ids
