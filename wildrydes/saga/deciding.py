"""What comes next: one pure function of definition, state, happening and moment.

Guarantee: it never raises, and after it every saga has ended, is stuck, or awaits something that
has a time. An answer that nobody awaits changes nothing. Before the pivot every trouble turns a
saga round; after it only a refusal that the definition lets, or a person. Going back, each step
whose effect is there, or may be, is undone, in reverse order.
Does not guarantee: that participants do what they answer.
Source: Garcia-Molina and Salem, Sagas; Richardson, Saga (pivot); Hohpe and Woolf, Process Manager.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from wildrydes import models, retry
from wildrydes.outgoing import Body
from wildrydes.saga import orders
from wildrydes.saga.definition import BACK, Definition
from wildrydes.saga.happenings import Happening, Ordered, Started, Told, Woken
from wildrydes.saga.progress import Command, Progress, open_hops
from wildrydes.saga.state import Entry, Kind, State, StepState, changed, evolve, replay


@dataclass(frozen=True, kw_only=True)
class Decision:
    """The new state, what is added to the history, and what is to be sent.

    `refused` says why nothing of what a person wanted makes sense here; then nothing has changed.
    """

    state: State
    entries: Sequence[Entry] = ()
    commands: Sequence[Command] = ()
    events: Sequence[Body] = ()
    refused: str = ""


def decide(
    definition: Definition | None,
    state: State,
    happening: Happening,
    now: datetime,
    *,
    new_id: Callable[[], UUID] = models.new_id,
) -> Decision:
    """Decide what a happening means for a saga; without a definition it gets stuck.

    `new_id` names the commands.
    """
    if definition is None:
        return give_up(state, happening, now, reason="its definition is not known here")
    try:
        return _decide(Progress(definition, state, now=now, new_id=new_id), happening)
    except Exception as error:  # noqa: BLE001 - a saga that cannot be decided needs a person
        reason = f"undecided: {retry.describe(error)}"
        return give_up(state, happening, now, reason=reason, definition=definition)


def _decide(progress: Progress, happening: Happening) -> Decision:
    state = progress.state
    refused = _take(progress, happening)
    if refused:
        return Decision(state=state, refused=refused)
    progress.advance()
    return Decision(
        state=changed(progress.state, wake_at=_wake_at(progress, before=state.wake_at)),
        entries=progress.entries,
        commands=progress.commands,
        events=progress.events,
    )


def give_up(
    state: State,
    happening: Happening,
    now: datetime,
    *,
    reason: str,
    definition: Definition | None = None,
) -> Decision:
    """Take note of what happened, and let the saga wait for a person with this reason."""
    if isinstance(happening, Ordered):
        return Decision(state=state, refused=reason)
    entries = [_answer_entry(state, happening, now)] if isinstance(happening, Told) else []
    is_news = not (state.is_ended or state.trouble == reason)
    if is_news:
        entries.append(Entry(kind="stuck", at=now, reason=reason))
    state = replay(state, entries)
    waking = [step.wake_at for _, step in open_hops(state.steps) if step.wake_at]
    wake_at = min((moment for moment in waking if moment > now), default=None)
    return Decision(
        state=changed(state, wake_at=wake_at),
        entries=entries,
        events=_telling(definition, state, now) if is_news else (),
    )


def _telling(definition: Definition | None, state: State, now: datetime) -> Sequence[Body]:
    if definition is None:
        return ()
    progress = Progress(definition, state, now=now, new_id=models.new_id)
    return progress.telling("", state.trouble)


def _take(progress: Progress, happening: Happening) -> str:
    """Note the happening and what follows from it at once; say why not, to a person."""
    match happening:
        case Started():
            timeout = progress.definition.timeout
            progress.note("started", wake_at=progress.now + timeout if timeout else None)
        case Told():
            _told(progress, happening)
        case Woken():
            _woken(progress)
        case Ordered():
            return orders.carry_out(progress, happening)
    return ""


def _told(progress: Progress, told: Told) -> None:
    step = progress.state.steps.get(told.step)
    if step is not None and step.answered == str(told.message):
        return
    entry = _answer_entry(progress.state, told, progress.now)
    progress.entries.append(entry)
    progress.state = evolve(progress.state, entry)
    if step is None or entry.kind == "late":
        return
    if step.status == "compensating":
        _undoing_answered(progress, told.step, step, entry)
    else:
        _doing_answered(progress, told.step, step, entry)


def _answer_entry(state: State, told: Told, now: datetime) -> Entry:
    """Return an answer as an entry: late unless it is of a hop that is open."""
    answer = told.answer
    step = state.steps.get(told.step)
    is_awaited = step is not None and step.message == told.message and not state.is_ended
    kind: Kind = "late"
    attempt = 0
    if step is not None and is_awaited:
        undoing = step.status == "compensating"
        attempt = step.undo_attempts if undoing else step.attempts
        done: Kind = "compensated" if undoing else "succeeded"
        kinds: dict[str, Kind] = {"answered": done, "declined": "refused", "failed": "failed"}
        kind = kinds[answer.outcome]
    said = answer.reason if is_awaited else f"{answer.outcome}: {answer.reason}".rstrip(": ")
    return Entry(
        kind=kind,
        step=told.step,
        at=now,
        attempt=attempt,
        message=told.message,
        data=answer.data,
        reason=said,
    )


def _doing_answered(progress: Progress, name: str, step: StepState, entry: Entry) -> None:
    if entry.kind == "refused":
        _refused(progress, name, entry.reason)
    elif entry.kind == "failed":
        _failed(progress, name, step, entry.reason)


def _undoing_answered(progress: Progress, name: str, step: StepState, entry: Entry) -> None:
    if entry.kind == "refused":
        progress.get_stuck(name, entry.reason)
    elif entry.kind == "failed":
        _try_to_undo_again(progress, name, step, entry.reason)


def _refused(progress: Progress, name: str, reason: str) -> None:
    if progress.state.is_turned:
        return
    if progress.is_past_pivot and progress.definition.by_name[name].refusal is not BACK:
        progress.get_stuck(name, reason)
    else:
        progress.turn_back(name, reason)


def _failed(progress: Progress, name: str, step: StepState, reason: str) -> None:
    """Try again by the step's policy; a saga that goes back wants nothing more done."""
    if progress.state.is_turned:
        return
    if step.attempts < progress.definition.by_name[name].retry.max_attempts:
        progress.send_again(name, attempt=step.attempts + 1)
    elif progress.is_past_pivot:
        progress.get_stuck(name, reason)
    else:
        progress.turn_back(name, reason)


def _try_to_undo_again(progress: Progress, name: str, step: StepState, reason: str) -> None:
    if step.undo_attempts < progress.definition.by_name[name].retry.max_attempts:
        progress.send_again(name, attempt=step.undo_attempts + 1)
    else:
        progress.get_stuck(name, reason)


def _woken(progress: Progress) -> None:
    if _is_overdue(progress):
        progress.note("timed_out", reason="the whole took too long")
        progress.give_up_hops("timed_out", "the whole took too long")
        late = next((name for name, step in progress.state.steps.items() if _unknown(step)), "")
        progress.turn_back(late, "the whole took too long")
        return
    for name, step in list(open_hops(progress.state.steps)):
        if step.wake_at is not None and step.wake_at <= progress.now:
            _timed_out(progress, name, step)


def _timed_out(progress: Progress, name: str, step: StepState) -> None:
    undoing = step.status == "compensating"
    attempt = step.undo_attempts if undoing else step.attempts
    reason = "no answer in time"
    progress.note("timed_out", name, attempt=attempt, message=step.message, reason=reason)
    if undoing:
        _try_to_undo_again(progress, name, step, reason)
    elif progress.is_past_pivot:
        _failed(progress, name, step, reason)
    elif not progress.state.is_turned:
        progress.turn_back(name, reason)


def _unknown(step: StepState) -> bool:
    return step.status == "timed_out"


def _has_deadline(progress: Progress) -> bool:
    """Say whether the time for the whole still counts."""
    return progress.state.status == "running" and not progress.is_past_pivot


def _is_overdue(progress: Progress) -> bool:
    deadline = progress.state.deadline_at
    return deadline is not None and deadline <= progress.now and _has_deadline(progress)


def _wake_at(progress: Progress, *, before: datetime | None) -> datetime | None:
    """Return when to look again. A moment before the first timeout will do, and saves a write."""
    state = progress.state
    times = [step.wake_at for _, step in open_hops(state.steps) if step.wake_at is not None]
    if state.deadline_at is not None and _has_deadline(progress):
        times.append(state.deadline_at)
    first = min(times, default=None)
    if first is not None and before is not None and progress.now < before <= first:
        return before
    return first
