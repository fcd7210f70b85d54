"""One decision in the making: what is noted, what is sent, and how a saga goes on or back. Pure.

The functions of a definition are called here only. Whatever they raise makes their saga stuck.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

import structlog

from wildrydes import retry
from wildrydes.outgoing import Body
from wildrydes.saga.definition import Definition, Facts, Step
from wildrydes.saga.state import Entry, Kind, State, StepState, evolve

log = structlog.get_logger(__name__)

OVER = ("succeeded", "skipped")
UNRESOLVED = ("refused", "failed", "timed_out")
UNKNOWN = ("running", "stuck", "failed", "timed_out")
TO_BE_UNDONE = ("succeeded", "failed", "timed_out")
UNDO = "undo"

T = TypeVar("T")


class Command(NamedTuple):
    """A command that is to be sent to the participant of a step.

    It expires at the moment at which the saga gives it up: what is given up is not begun any more.
    """

    step: str
    message: UUID
    subject: str
    body: Body
    not_before: datetime | None
    expires_at: datetime


class Progress:
    """A saga's state as it changes, and what comes of that."""

    def __init__(
        self, definition: Definition, state: State, *, now: datetime, new_id: Callable[[], UUID]
    ) -> None:
        self.definition = definition
        self.state = state
        self.now = now
        self.entries: list[Entry] = []
        self.commands: list[Command] = []
        self.events: list[Body] = []
        self._new_id = new_id

    @property
    def is_past_pivot(self) -> bool:
        """Say whether the pivot has succeeded, or was skipped when its turn came."""
        step = self.state.steps.get(self.definition.pivot)
        return step is not None and step.status in OVER

    def note(self, kind: Kind, step: str = "", **details: Any) -> None:
        """Write one entry of the history, and let it change the state."""
        entry = Entry(kind=kind, step=step, at=self.now, **details)
        self.entries.append(entry)
        self.state = evolve(self.state, entry)

    @property
    def beyond_undoing(self) -> str:
        """Return a step that is or may have been done and could not be undone; "" if none is."""
        steps = self.definition.by_name
        return next(
            (
                name
                for name, known in self.state.steps.items()
                if may_have_been_done(known) and steps[name].compensation is None
            ),
            "",
        )

    @property
    def being_undone(self) -> str:
        """Return a step whose undoing is on its way to the participant; "" if none is."""
        hops = open_hops(self.state.steps)
        return next((name for name, step in hops if step.status == "compensating"), "")

    def facts(self, *, failed_step: str = "", reason: str = "") -> Facts:
        """Return what the definition's functions are told at this point."""
        state = self.state
        results = {
            name: step.result for name, step in state.steps.items() if step.result is not None
        }
        return Facts(
            saga=state.saga,
            key=state.key,
            input=state.input,
            results=results,
            failed_step=failed_step or state.failed_step,
            reason=reason or state.reason,
        )

    def advance(self) -> None:
        """Ask for what comes next, in the direction that the saga goes; end it if nothing does."""
        if self.state.is_ended or self.state.trouble:
            return
        if self.state.is_turned:
            self._go_back()
        else:
            self._go_forward()

    def turn_back(self, step: str, reason: str) -> None:
        """Let the saga go back from here. What was stuck on the way forward is so no longer.

        What was asked for and then skipped may have been done all the same: it is to be undone.
        """
        for name, known in self.state.steps.items():
            if known.status == "stuck" or (known.status == "skipped" and known.attempts):
                self.note(_found(known), name, attempt=known.attempts, reason=known.reason)
        self.note("turned_back", step, reason=reason)

    def give_up_hops(self, kind: Kind, reason: str) -> None:
        """Wait no longer for what is open; what came of it is not known."""
        for name, step in self.state.steps.items():
            if step.status == "running":
                self.note(kind, name, attempt=step.attempts, reason=reason)

    def get_stuck(self, step: str, reason: str) -> None:
        """Let the saga wait for a person, and tell so."""
        known = self.state.steps.get(step)
        self.note("stuck", step, attempt=_attempts(self.state, known), reason=reason)
        self.events += self.telling(step, reason)

    def telling(self, step: str, reason: str) -> list[Body]:
        """Return the event that says that the saga is stuck, if the definition makes one."""
        if self.definition.stuck is None:
            return []
        try:
            event = self.definition.stuck(self.facts(failed_step=step, reason=reason))
        except Exception as error:  # noqa: BLE001 - it is stuck all the same
            log.error("stuck_untold", saga=str(self.state.saga), error=retry.describe(error))
            return []
        return [event] if event is not None else []

    def send_again(self, name: str, *, attempt: int) -> None:
        """Send a step's command again, or the one that undoes it: after the first with a wait."""
        step = self.definition.by_name[name]
        wait = retry.backoff(attempt - 1, step.retry) if attempt > 1 else None
        not_before = self.now + wait if wait else None
        if self.state.is_turned:
            self._undo(step, kind="retried", attempt=attempt, not_before=not_before)
        else:
            self._do(step, kind="retried", attempt=attempt, not_before=not_before)

    def _go_forward(self) -> None:
        for stage in self.definition.stages:
            for step in stage:
                if step.name not in self.state.steps:
                    self._begin(step)
            known = [self.state.steps[step.name] for step in stage]
            if not all(item.status in OVER for item in known):
                self._see_to_unresolved(stage)
                return
        self.note("completed")

    def _go_back(self) -> None:
        if any(step.status == "running" for step in self.state.steps.values()):
            return
        for stage in reversed(self.definition.stages):
            for step in stage:
                if self._status(step) in TO_BE_UNDONE and step.compensation is not None:
                    self._undo(step, kind="compensating", attempt=1)
            if any(self._status(step) in ("compensating", "stuck") for step in stage):
                self._see_to_unresolved(stage)
                return
        self.note("compensated")

    def _see_to_unresolved(self, stage: tuple[Step, ...]) -> None:
        """Leave no step in a state that nothing would ever end."""
        for step in stage:
            known = self.state.steps.get(step.name)
            if known is None or known.message is not None:
                continue
            hangs = ("compensating",) if self.state.is_turned else UNRESOLVED
            if known.status in hangs:
                self.get_stuck(step.name, known.reason or "nothing is awaited")

    def _begin(self, step: Step) -> None:
        wanted = self._ask(step, "condition", step.when) if step.when is not None else [True]
        if wanted is None:
            return
        if wanted[0]:
            self._do(step, kind="scheduled", attempt=1)
        else:
            self.note("skipped", step.name, reason="its condition does not hold")

    def _do(
        self, step: Step, *, kind: Kind, attempt: int, not_before: datetime | None = None
    ) -> None:
        body = self._ask(step, "command", step.command)
        if body is not None:
            subject = f"{self.state.saga}/{step.name}"
            self._send(step, kind, attempt, subject, body[0], not_before)

    def _undo(
        self, step: Step, *, kind: Kind, attempt: int, not_before: datetime | None = None
    ) -> None:
        compensation = step.compensation or _nothing
        body = self._ask(step, "compensation", compensation)
        if body is None:
            return
        if body[0] is None:
            self.note("compensated", step.name, reason="there is nothing to undo")
            return
        subject = f"{self.state.saga}/{step.name}/{UNDO}"
        self._send(step, kind, attempt, subject, body[0], not_before)

    def _send(
        self,
        step: Step,
        kind: Kind,
        attempt: int,
        subject: str,
        body: Body,
        not_before: datetime | None,
    ) -> None:
        message = self._new_id()
        wake_at = (not_before or self.now) + step.timeout
        self.commands.append(Command(step.name, message, subject, body, not_before, wake_at))
        self.note(kind, step.name, attempt=attempt, message=message, wake_at=wake_at)

    def _ask(self, step: Step, what: str, function: Callable[[Facts], T]) -> list[T] | None:
        """Return what one of the step's functions says; none when it raised, and is stuck."""
        try:
            return [function(self.facts())]
        except Exception as error:  # noqa: BLE001 - whatever it raises is its saga's fate
            reason = f"its {what} raised {retry.describe(error)}"
            self.get_stuck(step.name, reason)
            return None

    def _status(self, step: Step) -> str:
        known = self.state.steps.get(step.name)
        return known.status if known is not None else ""


def open_hops(steps: Mapping[str, StepState]) -> Iterator[tuple[str, StepState]]:
    """Yield every step that awaits an answer, by name."""
    for name, step in steps.items():
        if step.message is not None:
            yield name, step


def may_have_been_done(step: StepState) -> bool:
    """Say whether a step was asked for, and nobody has said yet what it has come to."""
    return step.status in UNKNOWN and step.attempts > 0 and not step.is_refused


def _found(left: StepState) -> Kind:
    """Return what a step that was left stuck, or skipped, is found to be, going back."""
    if left.is_refused:
        return "refused"
    return "failed" if left.attempts else "skipped"


def _nothing(facts: Facts) -> Body | None:
    return None


def _attempts(state: State, step: StepState | None) -> int:
    if step is None:
        return 0
    return step.undo_attempts if state.is_turned else step.attempts
