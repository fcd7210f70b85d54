"""The state of a saga, and how each entry of its history changes it. Pure.

Nothing else changes it: so the state that is stored is what the history comes to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, TypeVar
from uuid import UUID

Status = Literal["running", "compensating", "completed", "compensated", "stuck"]
StepStatus = Literal[
    "running",
    "succeeded",
    "refused",
    "failed",
    "timed_out",
    "skipped",
    "compensating",
    "compensated",
    "stuck",
]
Kind = Literal[
    "started",
    "scheduled",
    "retried",
    "succeeded",
    "refused",
    "failed",
    "timed_out",
    "skipped",
    "turned_back",
    "turned_forward",
    "compensating",
    "compensated",
    "completed",
    "stuck",
    "late",
    "cancelled",
    "operator",
]
T = TypeVar("T")
Changes = dict[str, Any]
ENDED = ("completed", "compensated")
LEFT = ("stuck", "skipped")


@dataclass(frozen=True, kw_only=True)
class StepState:
    """How far a step has come. One that was not begun has none.

    `message` is the command of its open hop, none when nothing is awaited; `answered` the one whose
    answer was taken last, and `is_refused` says that it was a refusal. `wake_at` is when the open
    hop is given up.
    """

    status: StepStatus
    attempts: int = 0
    undo_attempts: int = 0
    message: UUID | None = None
    answered: str = ""
    is_refused: bool = False
    wake_at: datetime | None = None
    result: Mapping[str, Any] | None = None
    reason: str = ""

    def to_data(self) -> dict[str, Any]:
        """Return an object for orjson; what is empty is left out."""
        return {
            name: value
            for name, value in self.__dict__.items()
            if value or (name == "result" and value is not None)
        }


@dataclass(frozen=True, kw_only=True)
class State:
    """Everything that decides what comes next. `events` counts the entries that made it.

    `trouble` says why the saga as a whole is stuck, and no step of it.
    """

    saga: UUID
    key: str
    input: Mapping[str, Any]
    status: Status = "running"
    is_turned: bool = False
    steps: Mapping[str, StepState] = field(default_factory=dict)
    failed_step: str = ""
    reason: str = ""
    trouble: str = ""
    deadline_at: datetime | None = None
    wake_at: datetime | None = None
    ended_at: datetime | None = None
    events: int = 0

    def troubled_by(self, stuck_because: str) -> State:
        """Return the state when that is why it is stuck: because of a step, or as a whole."""
        is_of_step = self.stuck_step and self.steps[self.stuck_step].reason == stuck_because
        return self if is_of_step or not stuck_because else changed(self, trouble=stuck_because)

    @property
    def is_ended(self) -> bool:
        """Say whether nothing can happen to it any more."""
        return self.status in ENDED

    @property
    def stuck_step(self) -> str:
        """Return the first step that is stuck; "" if none is."""
        return next((name for name, step in self.steps.items() if step.status == "stuck"), "")

    @property
    def stuck_because(self) -> str:
        """Return what a person has to see to; "" if nothing."""
        if self.trouble or not self.stuck_step:
            return self.trouble
        return self.steps[self.stuck_step].reason


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One thing that happened. `step` is empty where the whole saga is meant."""

    kind: Kind
    at: datetime
    step: str = ""
    attempt: int = 0
    message: UUID | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""
    actor: str = ""
    wake_at: datetime | None = None


def replay(state: State, entries: Iterable[Entry]) -> State:
    """Return the state after these entries."""
    for entry in entries:
        state = evolve(state, entry)
    return state


def evolve(state: State, entry: Entry) -> State:
    """Return the state after one entry more."""
    changes = _CHANGES[entry.kind](state, entry)
    after = changed(state, events=state.events + 1, **changes)
    status = _status(after)
    return after if status == state.status else changed(after, status=status)


def step_from(data: Mapping[str, Any]) -> StepState:
    """Read a step's state from the object that `to_data` has made."""
    if "message" not in data:
        return StepState(**data)
    wake_at = datetime.fromisoformat(data["wake_at"])
    return StepState(**{**data, "message": UUID(data["message"]), "wake_at": wake_at})


def changed(item: T, **changes: Any) -> T:
    """Return a copy with other values. `dataclasses.replace` takes eight times as long."""
    copy = object.__new__(type(item))
    copy.__dict__.update(item.__dict__)
    copy.__dict__.update(changes)
    return copy


def _status(state: State) -> Status:
    if state.ended_at is not None:
        return "compensated" if state.is_turned else "completed"
    if state.trouble or any(step.status == "stuck" for step in state.steps.values()):
        return "stuck"
    return "compensating" if state.is_turned else "running"


def _started(state: State, entry: Entry) -> Changes:
    return {"deadline_at": entry.wake_at}


def _sent(state: State, entry: Entry) -> Changes:
    """The command of a step, or the one that undoes it, is on its way."""
    attempt: Changes = {"status": "running", "attempts": entry.attempt}
    if state.is_turned:
        attempt = {"status": "compensating", "undo_attempts": entry.attempt}
    return _step_changes(
        state,
        entry.step,
        message=entry.message,
        is_refused=False,
        wake_at=entry.wake_at,
        reason="",
        **attempt,
    )


def _settled(state: State, entry: Entry) -> Changes:
    """An open hop is over; one that was to undo the step leaves it compensating, if not stuck."""
    if not entry.step:
        return {}
    before = state.steps.get(entry.step, NOT_BEGUN)
    is_undoing = before.status == "compensating" and entry.kind in (
        "refused",
        "failed",
        "timed_out",
    )
    is_answer = entry.message is not None and entry.kind != "timed_out"
    return _step_changes(
        state,
        entry.step,
        status="compensating" if is_undoing else entry.kind,
        message=None,
        wake_at=None,
        answered=str(entry.message) if is_answer else before.answered,
        is_refused=entry.kind == "refused" or (entry.kind in LEFT and before.is_refused),
        result=entry.data if entry.kind == "succeeded" else before.result,
        reason=entry.reason,
    )


def _compensated(state: State, entry: Entry) -> Changes:
    return _settled(state, entry) if entry.step else _ended(state, entry)


def _ended(state: State, entry: Entry) -> Changes:
    return {"ended_at": entry.at}


def _stuck(state: State, entry: Entry) -> Changes:
    changes = _settled(state, entry) if entry.step else {"trouble": entry.reason}
    if state.is_turned:
        return changes
    return {**changes, "failed_step": entry.step, "reason": entry.reason}


def _turned_back(state: State, entry: Entry) -> Changes:
    return {"is_turned": True, "failed_step": entry.step, "reason": entry.reason}


def _turned_forward(state: State, entry: Entry) -> Changes:
    """What is done stays done; all else is to be asked for anew, without a time for the whole."""
    kept = {
        name: step for name, step in state.steps.items() if step.status in ("succeeded", "skipped")
    }
    return {
        "is_turned": False,
        "steps": kept,
        "failed_step": "",
        "reason": "",
        "deadline_at": None,
    }


def _freed(state: State, entry: Entry) -> Changes:
    """A person has seen to it."""
    if state.is_turned:
        return {"trouble": ""}
    return {"trouble": "", "failed_step": "", "reason": ""}


def _unchanged(state: State, entry: Entry) -> Changes:
    return {}


def _step_changes(state: State, name: str, **changes: Any) -> Changes:
    return {"steps": {**state.steps, name: changed(state.steps.get(name, NOT_BEGUN), **changes)}}


NOT_BEGUN = StepState(status="running")
_CHANGES: Mapping[Kind, Callable[[State, Entry], Changes]] = {
    "started": _started,
    "scheduled": _sent,
    "retried": _sent,
    "compensating": _sent,
    "succeeded": _settled,
    "refused": _settled,
    "failed": _settled,
    "timed_out": _settled,
    "skipped": _settled,
    "compensated": _compensated,
    "completed": _ended,
    "stuck": _stuck,
    "turned_back": _turned_back,
    "turned_forward": _turned_forward,
    "operator": _freed,
    "cancelled": _freed,
    "late": _unchanged,
}
