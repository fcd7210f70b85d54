"""What the picture of a saga shows: its definition's steps, and what its history made of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from wildrydes.saga import graph
from wildrydes.saga.definition import BACK, Compensation, Definition, Step
from wildrydes.saga.graph import Node, Outline, Undo
from wildrydes.saga.reading import spoken
from wildrydes.saga.state import Entry, State

DONE: dict[str, graph.State] = {
    "scheduled": "running",
    "retried": "running",
    "succeeded": "completed",
    "refused": "refused",
    "failed": "failed",
    "timed_out": "timed_out",
    "skipped": "skipped",
    "stuck": "stuck",
}
UNDONE: dict[str, graph.State] = {
    "compensating": "compensating",
    "retried": "compensating",
    "compensated": "compensated",
    "skipped": "skipped",
    "stuck": "stuck",
}
KEPT = ("completed", "skipped")
TELLING = ("refused", "failed", "timed_out", "skipped", "stuck")


@dataclass
class Way:
    """How a step stands in one direction. `since` is its first command, `until` its end."""

    state: graph.State = "pending"
    attempts: int = 0
    reason: str = ""
    since: datetime | None = None
    until: datetime | None = None
    given_up_at: datetime | None = None

    def take(self, entry: Entry, state: graph.State) -> None:
        """Let one entry change it."""
        self.state = state
        self.attempts = max(entry.attempt, self.attempts)
        self.reason = entry.reason
        is_open = state in ("running", "compensating")
        self.since = self.since or (entry.at if is_open else None)
        self.until = None if is_open else entry.at
        self.given_up_at = entry.wake_at if is_open else None


@dataclass
class Walk:
    """Both directions of a step."""

    forward: Way
    back: Way


def outline(
    definition: Definition | None,
    *,
    name: str,
    state: State,
    entries: Sequence[Entry],
    now: datetime,
) -> Outline:
    """Return what is to be drawn; without a definition the steps that were begun, in order."""
    walks = walked(entries)
    stages: list[tuple[Node, ...]] = []
    if definition is None:
        stages += [(_unknown(step, walk),) for step, walk in walks.items()]
    else:
        for stage in definition.stages:
            stages.append(tuple(_node(step, walks.get(step.name), now) for step in stage))
    return Outline(name=name, stages=tuple(stages), status=state.status)


def walked(entries: Sequence[Entry]) -> dict[str, Walk]:
    """Return how each step that was begun has come to stand where it stands."""
    walks: dict[str, Walk] = {}
    is_turned = False
    for entry in entries:
        if entry.kind == "turned_back":
            is_turned = True
        elif entry.kind == "turned_forward":
            is_turned = False
            walks = {
                name: Walk(walk.forward, Way()) for name, walk in walks.items() if _stays(walk)
            }
        elif entry.step:
            walk = walks.setdefault(entry.step, Walk(Way(), Way()))
            _take(walk, entry, is_turned=is_turned)
    return walks


def _stays(walk: Walk) -> bool:
    """Say whether a step is not asked for again when the saga is forced forward."""
    if walk.back.state == "pending":
        return walk.forward.state in KEPT
    return walk.back.state == "skipped"


def _take(walk: Walk, entry: Entry, *, is_turned: bool) -> None:
    """Let an entry change the direction that it is about."""
    begins_back = entry.kind in ("compensating", "compensated", "stuck")
    if is_turned and (begins_back or walk.back.state != "pending"):
        if entry.kind in UNDONE:
            walk.back.take(entry, UNDONE[entry.kind])
    elif entry.kind in DONE:
        walk.forward.take(entry, DONE[entry.kind])


def _node(step: Step, walk: Walk | None, now: datetime) -> Node:
    forward, back = (walk.forward, walk.back) if walk else (Way(), Way())
    undo = None
    if step.compensation is not None:
        note = _note(back, step, now, tells=())
        label = _label(step.compensation, step.name)
        undo = Undo(label=label, state=_shown(back, step, now), note=note)
    return Node(
        name=step.name,
        state=_stands(forward, back, step, now),
        note=_note(forward, step, now),
        undo=undo,
        irreversible=step.needs_no_compensation,
        pivot=step.pivot,
        optional=step.when is not None,
        turns_back=step.refusal is BACK,
    )


def _unknown(name: str, walk: Walk) -> Node:
    """Return a step of which nothing but its history is known."""
    undo = None
    if walk.back.state != "pending":
        undo = Undo(label=f"undo {name}", state=walk.back.state)
    return Node(name=name, state=walk.forward.state, undo=undo)


def _stands(forward: Way, back: Way, step: Step, now: datetime) -> graph.State:
    """Return how the step stands now: what was done and undone is not done any more."""
    if forward.state == "completed" and back.state == "compensated":
        return "compensated"
    return _shown(forward, step, now)


def _shown(way: Way, step: Step, now: datetime) -> graph.State:
    return "retrying" if way.state == "running" and _waits_until(way, step, now) else way.state


def _note(way: Way, step: Step, now: datetime, *, tells: Sequence[str] = TELLING) -> str:
    if way.state == "pending":
        return ""
    if way.state in ("running", "compensating"):
        until = _waits_until(way, step, now)
        attempt = f"attempt {way.attempts} of {step.retry.max_attempts}"
        return f"{attempt}, in {spoken(until - now)}" if until else attempt
    if way.state in tells and way.reason:
        return way.reason
    attempts = f"{way.attempts} attempts" if way.attempts > 1 else ""
    took = spoken(way.until - way.since) if way.since and way.until else ""
    return " · ".join(filter(None, (attempts, took)))


def _waits_until(way: Way, step: Step, now: datetime) -> datetime | None:
    """Return the moment until which the next attempt is held back, if that is ahead."""
    if way.given_up_at is None or way.attempts < 2:
        return None
    begins = way.given_up_at - step.timeout
    return begins if begins > now else None


def _label(compensation: Compensation, step: str) -> str:
    """Return what the function is called, where somebody gave it a name of its own."""
    name = getattr(compensation, "__name__", "")
    is_own = name and "<" not in getattr(compensation, "__qualname__", "<")
    return name.strip("_").replace("_", " ") if is_own else f"undo {step}"
