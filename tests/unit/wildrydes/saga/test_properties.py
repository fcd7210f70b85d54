"""Whatever happens to whatever saga: it ends, is stuck, or awaits something that has a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args
from uuid import UUID

from hypothesis import event, given, settings
from hypothesis import strategies as st

from tests.unit.wildrydes.saga.sagas import MINUTE, Run, command, of, step
from wildrydes.answering.answer import Answer, answered, declined, failed
from wildrydes.outgoing import Body
from wildrydes.saga.definition import BACK, FORWARD, Definition, Facts, Parallel, Step
from wildrydes.saga.happenings import Action, Ordered, Told, Woken

NAMES = "abcdefghijkl"
ANSWERS = st.sampled_from([answered({"n": 1}), declined("no"), failed("broken")])
ACTIONS = st.sampled_from(get_args(Action))


def explode(facts: Facts) -> Body:
    raise RuntimeError("not today")


@st.composite
def definitions(draw: st.DrawFn, *, raising: bool) -> Definition:
    sizes = draw(st.lists(st.integers(1, 3), min_size=1, max_size=5))
    alone = [index for index, size in enumerate(sizes) if size == 1]
    pivot = draw(st.none() | st.sampled_from(alone)) if alone else None
    names = iter(NAMES * 2)
    stages: list[Step | Parallel] = []
    for index, size in enumerate(sizes):
        steps = [
            _step(draw, f"{next(names)}{index}", raising=raising, pivot=index == pivot)
            for _ in range(size)
        ]
        stages.append(steps[0] if size == 1 else Parallel(*steps))
    timeout = draw(st.none() | st.just(3 * MINUTE))
    return of(*stages, timeout=timeout, stuck=command if draw(st.booleans()) else None)


def _step(draw: st.DrawFn, name: str, *, raising: bool, pivot: bool) -> Step:
    options: dict[str, Any] = {"pivot": pivot, "attempts": draw(st.integers(1, 3))}
    options["undo"] = draw(st.integers(0, 3)) > 0
    options["refusal"] = draw(st.sampled_from([BACK, FORWARD]))
    if draw(st.integers(0, 5)) == 0:
        options["when"] = lambda facts: False
    if raising and draw(st.integers(0, 6)) == 0:
        options[draw(st.sampled_from(["command", "when"]))] = explode
    made = step(name, **options)
    if raising and made.compensation and draw(st.integers(0, 6)) == 0:
        return step(name, **{**options, "compensation": explode})
    return made


class Story:
    """A saga to which anything happens, and what a bystander knows of its steps' effects."""

    def __init__(self, definition: Definition) -> None:
        self.definition = definition
        self.run = Run(definition)
        self.effects: dict[str, str] = {}
        self.orders = 0
        self.allows_orders = True
        self.look()

    def happen(self, draw: Any) -> None:
        match draw(st.sampled_from("aaaaaawwdlo" if self.allows_orders else "aaaaaawwdl")):
            case "a":
                self.answer_one(draw)
            case "w":
                self.run.now += draw(st.sampled_from([MINUTE / 2, MINUTE, 2 * MINUTE]))
                self.run.take(Woken())
            case "d":
                self.repeat(draw)
            case "l":
                self.run.take(Told("a0", UUID(int=999), draw(ANSWERS)))
            case _:
                self.order(draw)
        self.look()

    def answer_one(self, draw: Any) -> None:
        open_ = self.open()
        if open_:
            name, message = draw(st.sampled_from(open_))
            self.answer(name, message, draw(ANSWERS))

    def answer(self, name: str, message: UUID, said: Answer) -> None:
        if self.run.state.steps[name].status == "running":
            self.effects[name] = {"answered": "there", "declined": "none", "failed": "maybe"}[
                said.outcome
            ]
        self.run.take(Told(name, message, said))

    def repeat(self, draw: Any) -> None:
        """Answer any command that ever was sent, open or not; if not, nothing may change."""
        if not self.run.commands:
            return
        old = draw(st.sampled_from(self.run.commands))
        if (old.step, old.message) in self.open():
            return
        before = self.run.state
        decision = self.run.take(Told(old.step, old.message, draw(ANSWERS)))
        assert not decision.commands
        assert {item.kind for item in decision.entries} <= {"late"}
        ignored = {"events": 0, "wake_at": None}
        assert {**vars(before), **ignored} == {**vars(self.run.state), **ignored}

    def order(self, draw: Any) -> None:
        name = draw(st.sampled_from(list(self.definition.by_name)))
        before = self.run.state
        order = Ordered(action=draw(ACTIONS), by="ann", reason="so", step=name, result={"x": 1})
        refused = self.run.take(order).refused
        if refused:
            assert self.run.state == before
        else:
            self.orders += 1

    def open(self) -> list[tuple[str, UUID]]:
        found = self.run.state.steps.items()
        return [(name, item.message) for name, item in found if item.message is not None]

    def look(self) -> None:
        """See to it that the saga cannot be forgotten, and note what was asked for."""
        state = self.run.state
        for item in self.run.commands:
            if not item.subject.endswith("/undo"):
                self.effects.setdefault(item.step, "maybe")
        waiting = [item.wake_at for item in state.steps.values() if item.message is not None]
        if state.is_ended:
            assert not waiting
            assert state.wake_at is None
        elif state.status != "stuck":
            assert waiting
        if waiting and not state.is_ended:
            assert state.wake_at is not None
            assert all(moment is not None and state.wake_at <= moment for moment in waiting)
        if state.status == "running" and state.deadline_at and not self.is_past_pivot():
            assert state.wake_at is not None
            assert state.wake_at <= state.deadline_at
        assert (state.status == "stuck") == bool(state.stuck_because)

    def is_past_pivot(self) -> bool:
        return self.run.steps.get(self.definition.pivot) in ("succeeded", "skipped")

    def drive_to_the_end(self) -> None:
        """Let everybody agree from now on, and a person skip what cannot be helped."""
        for _ in range(200):
            if self.run.state.is_ended:
                return
            for name, message in self.open():
                self.run.take(Told(name, message, answered({})))
                self.look()
            if self.run.state.status == "stuck":
                stuck = self.run.state.stuck_step
                assert self.run.order("skip" if stuck else "retry", step=stuck) == ""
                self.look()
        raise AssertionError(f"it never ends: {self.run.kinds}")


def undone(run: Run) -> list[str]:
    """Return the steps that were undone, in order of the first time that it was asked for."""
    subjects = [item for item in run.sent if item.endswith("/undo")]
    return list(dict.fromkeys(item.partition("/")[0] for item in subjects))


def assert_order_is_reversed(definition: Definition, names: Sequence[str]) -> None:
    place = {item.name: n for n, stage in enumerate(definition.stages) for item in stage}
    places = [place[name] for name in names]
    assert places == sorted(places, reverse=True)


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_a_saga_ends_is_stuck_or_awaits_something_that_has_a_time(data: st.DataObject) -> None:
    story = Story(data.draw(definitions(raising=True)))
    for _ in range(data.draw(st.integers(0, 30))):
        story.happen(data.draw)
    event(story.run.status)
    story.drive_to_the_end()
    if story.run.status == "completed":
        assert set(story.run.steps.values()) <= {"succeeded", "skipped"}
        assert story.run.steps.keys() == story.definition.by_name.keys()


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_what_is_or_may_be_there_is_undone_in_reverse_order_and_nothing_else(
    data: st.DataObject,
) -> None:
    story = Story(data.draw(definitions(raising=False)))
    story.allows_orders = False
    for _ in range(40):
        if not story.run.state.is_ended and story.run.status != "stuck":
            story.happen(data.draw)
    event(story.run.status)
    can_be_undone = {
        name for name, item in story.definition.by_name.items() if item.compensation is not None
    }
    there = {name for name, effect in story.effects.items() if effect in ("there", "maybe")}
    if story.run.status == "compensated":
        assert set(undone(story.run)) == there & can_be_undone
    assert set(undone(story.run)) <= there & can_be_undone
    assert_order_is_reversed(story.definition, undone(story.run))


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_after_the_pivot_only_a_refusal_that_may_turns_a_saga_round(data: st.DataObject) -> None:
    story = Story(data.draw(definitions(raising=True)))
    story.allows_orders = False
    for _ in range(40):
        story.happen(data.draw)
    passed = False
    for entry in story.run.history:
        if entry.step == story.definition.pivot and entry.kind in ("succeeded", "skipped"):
            passed = True
        if entry.kind == "turned_back" and passed:
            event("back after the pivot")
            refused = [item for item in story.run.history if item.kind == "refused"]
            assert entry.step in {item.step for item in refused}
            assert story.definition.by_name[entry.step].refusal is BACK


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_step_is_never_asked_for_more_often_than_its_policy_says(data: st.DataObject) -> None:
    story = Story(data.draw(definitions(raising=False)))
    story.allows_orders = False
    for _ in range(40):
        story.happen(data.draw)
    for name, item in story.definition.by_name.items():
        for subject in (name, f"{name}/undo"):
            assert story.run.sent.count(subject) <= item.retry.max_attempts
