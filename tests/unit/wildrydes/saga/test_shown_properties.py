"""Whatever happens to whatever saga: its history is replayed, and its picture shows its state."""

from __future__ import annotations

import json
from typing import get_args

from hypothesis import event, given, settings
from hypothesis import strategies as st

from tests.unit.wildrydes.saga.test_properties import Story, definitions
from wildrydes.saga import graph
from wildrydes.saga.graph import Node
from wildrydes.saga.happenings import Action
from wildrydes.saga.offers import OF_STEPS, offered
from wildrydes.saga.picture import outline
from wildrydes.saga.recorded import History, differences
from wildrydes.saga.state import StepState

UNDOING = ("compensating", "compensated")
FORWARD = {
    "running": ("running", "retrying"),
    "succeeded": ("completed",),
    "refused": ("refused",),
    "failed": ("failed",),
    "timed_out": ("timed_out",),
}


@st.composite
def stories(draw: st.DrawFn) -> Story:
    """Return a saga that is somewhere on its way, after whatever has happened to it."""
    story = Story(draw(definitions(raising=True)))
    for _ in range(draw(st.integers(0, 30))):
        story.happen(draw)
    return story


@settings(max_examples=300, deadline=None)
@given(stories())
def test_every_history_that_was_written_is_replayed(story: Story) -> None:
    run = story.run
    history = History.of(
        name="test",
        version=1,
        state=run.state,
        entries=run.history,
        sent={item.message: item.body for item in run.commands},
    )
    read = History.from_data(json.loads(json.dumps(history.to_data())))
    event(run.status)
    assert read.to_data() == history.to_data()
    assert differences(read, story.definition) == []


@settings(max_examples=300, deadline=None)
@given(stories())
def test_the_picture_shows_the_state_of_every_step(story: Story) -> None:
    run = story.run
    picture = outline(
        story.definition, name="test", state=run.state, entries=run.history, now=run.now
    )
    assert graph.draw(picture)
    for node in (node for stage in picture.stages for node in stage):
        known = run.state.steps.get(node.name)
        if known is None:
            assert (node.state, node.undo and node.undo.state) in (
                ("pending", None),
                ("pending", "pending"),
            )
        else:
            assert shows(node, known), f"{node} does not show {known}"


def shows(node: Node, step: StepState) -> bool:
    """Say whether a step is drawn as it stands."""
    undo = node.undo.state if node.undo is not None else "pending"
    if step.status in UNDOING:
        return node.undo is None or undo == step.status
    if step.status in ("stuck", "skipped"):
        return step.status in (node.state, undo)
    return node.state in FORWARD[step.status] and undo == "pending"


@settings(max_examples=300, deadline=None)
@given(stories())
def test_exactly_what_would_not_be_refused_is_offered(story: Story) -> None:
    run = story.run
    found = offered(story.definition, run.state, run.now)
    possible = {(item.action, name) for item in found for name in item.steps or ("",)}
    for action in get_args(Action):
        for name in story.definition.by_name if action in OF_STEPS else ("",):
            before = run.state, list(run.history), list(run.commands)
            is_refused = bool(run.order(action, step=name))
            run.state, run.history, run.commands = before
            assert is_refused != ((action, name) in possible)
