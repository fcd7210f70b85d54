"""Sagas as JSON-ready objects and as lines of text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from wildrydes.models import Saga
from wildrydes.saga import reading
from wildrydes.saga.recorded import line

REASON_CHARACTERS = 90


def summary(saga: Saga) -> dict[str, Any]:
    """Return what a list shows of a saga."""
    return {
        "saga": str(saga.id),
        "definition": saga.definition,
        "version": saga.version,
        "key": saga.key,
        "status": saga.status,
        "steps": {name: data["status"] for name, data in saga.state.items()},
        "failed_step": saga.failed_step,
        "reason": saga.reason,
        "stuck_because": saga.stuck_because,
        "started_at": saga.started_at.isoformat(),
        "ended_at": saga.ended_at and saga.ended_at.isoformat(),
    }


def whole(saga: Saga) -> dict[str, Any]:
    """Return all that is known of a saga, with its history."""
    return {
        **summary(saga),
        "input": saga.input,
        "state": saga.state,
        "deadline_at": saga.deadline_at and saga.deadline_at.isoformat(),
        "wake_at": saga.wake_at and saga.wake_at.isoformat(),
        "correlation_id": saga.correlation_id,
        "history": reading.history_of(saga).to_data()["history"],
    }


def lines(sagas: Iterable[Saga]) -> Iterator[str]:
    """Yield a line for each saga."""
    for saga in sagas:
        reason = (saga.stuck_because or saga.reason).partition("\n")[0][:REASON_CHARACTERS]
        text = (
            f"{saga.id}  {saga.started_at:%Y-%m-%d %H:%M:%S}  {saga.definition} {saga.version}  "
            f"{saga.key}  {saga.status:<12}  {where(saga)}"
        )
        yield f"{text}  {reason}".rstrip()


def story(saga: Saga) -> Iterator[str]:
    """Yield a saga's head, then a line for each entry of its history."""
    told = {**summary(saga), "steps": ""}
    yield from (f"{name}: {value}" for name, value in told.items() if value)
    yield ""
    yield from map(line, reading.entries_of(saga))


def where(saga: Saga) -> str:
    """Return the steps that a saga stands at: those that are stuck or awaited, or why it turned."""
    states = {name: data["status"] for name, data in saga.state.items()}
    for wanted in (("stuck",), ("running", "compensating")):
        if found := [name for name, status in states.items() if status in wanted]:
            is_undone = saga.is_turned and "running" not in map(states.get, found)
            return f"{'undo ' if is_undone else ''}{', '.join(sorted(found))}"
    return saga.failed_step
