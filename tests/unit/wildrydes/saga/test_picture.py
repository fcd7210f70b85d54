"""What the picture of a saga shows is what its history says of each step."""

from __future__ import annotations

from datetime import timedelta

from wildrydes.answering.answer import answered
from wildrydes.saga import graph
from wildrydes.saga.graph import Node, Outline
from wildrydes.saga.picture import outline
from wildrydes.saga.testing import Dialogue, given

from .selling import SELL
from .test_recorded import HISTORIES, completed, packed


def shown(dialogue: Dialogue, *, known: bool = True) -> Outline:
    return outline(
        SELL if known else None,
        name=SELL.name,
        state=dialogue.state,
        entries=dialogue.entries,
        now=dialogue.now,
    )


def steps(dialogue: Dialogue) -> dict[str, Node]:
    return {node.name: node for stage in shown(dialogue).stages for node in stage}


def states(dialogue: Dialogue) -> dict[str, str]:
    return {
        name: node.state if node.undo is None else f"{node.state}, {node.undo.state}"
        for name, node in steps(dialogue).items()
    }


def test_the_definition_is_drawn_before_anything_is_done() -> None:
    picture = shown(given(SELL, {}))
    assert [[node.name for node in stage] for stage in picture.stages] == [
        ["reserve", "pack"],
        ["look"],
        ["charge"],
        ["send"],
        ["wrap"],
    ]
    found = {node.name: node for stage in picture.stages for node in stage}
    assert [name for name, node in found.items() if node.pivot] == ["charge"]
    assert [name for name, node in found.items() if node.optional] == ["wrap"]
    assert [name for name, node in found.items() if node.turns_back] == ["send"]
    assert found["look"].irreversible == "it only reads"
    labels = [node.undo.label for node in found.values() if node.undo]
    assert labels == ["undo reserve", "undo pack", "refund", "undo send"]


def test_a_saga_that_is_completed() -> None:
    assert states(HISTORIES["completed"]()) == {
        "reserve": "completed, pending",
        "pack": "completed, pending",
        "look": "completed",
        "charge": "completed, pending",
        "send": "completed, pending",
        "wrap": "completed",
    }


def test_what_was_undone_is_not_shown_as_done() -> None:
    assert states(HISTORIES["refused"]()) == {
        "reserve": "compensated, compensated",
        "pack": "compensated, compensated",
        "look": "refused",
        "charge": "pending, pending",
        "send": "pending, pending",
        "wrap": "pending",
    }


def test_a_step_whose_outcome_is_unknown_stays_so_when_it_is_undone() -> None:
    assert states(HISTORIES["in time"]())["charge"] == "timed_out, compensated"


def test_stuck_is_shown_where_it_is() -> None:
    dialogue = completed().fail("no van").is_stuck("send")
    assert states(dialogue)["send"] == "stuck, pending"
    assert steps(dialogue)["send"].note == "no van"
    dialogue = completed().refuse("no such street").expect_compensation("charge").fail("no bank")
    dialogue.expect_compensation("charge").fail("no bank").is_stuck("charge")
    assert states(dialogue)["charge"] == "completed, stuck"
    undo = steps(dialogue)["charge"].undo
    assert undo is not None
    assert undo.note == "2 attempts · 10.0 s"
    assert states(dialogue)["send"] == "refused, pending"


def test_an_effect_that_was_left_standing_is_shown_as_done() -> None:
    assert states(HISTORIES["stuck on the way back, skipped"]())["charge"] == "completed, skipped"


def test_a_step_that_waits_to_be_tried_again_says_until_when() -> None:
    dialogue = packed().expect("look").fail("it is dark")
    node = steps(dialogue)["look"]
    assert (node.state, node.note) == ("retrying", "attempt 2 of 2, in 10.0 s")
    node = steps(dialogue.after(timedelta(seconds=10)))["look"]
    assert (node.state, node.note) == ("running", "attempt 2 of 2")


def test_what_is_done_says_how_long_it_took() -> None:
    dialogue = packed().expect("look").fail("it is dark").expect("look").reply()
    assert steps(dialogue)["look"].note == "2 attempts · 10.0 s"
    assert steps(dialogue)["reserve"].note == "0 ms"


def test_a_companion_that_ends_when_the_saga_is_turned_has_ended_forward() -> None:
    dialogue = given(SELL, {}).expect("reserve").expect("pack").refuse("no box")
    assert states(dialogue)["reserve"] == "running, pending"
    dialogue.reply(answered({}), to="reserve").expect_compensation("reserve")
    assert states(dialogue)["reserve"] == "completed, compensating"


def test_a_saga_that_is_forced_forward_is_drawn_anew_from_there() -> None:
    dialogue = packed().expect("look").refuse("not today").expect_compensation("reserve").reply()
    dialogue.expect_compensation("pack").refuse("it is sealed")
    dialogue.operate("force_forward").expect("reserve")
    assert states(dialogue)["reserve"] == "running, pending"
    assert states(dialogue)["look"] == "pending"


def test_what_gets_stuck_after_it_was_forced_forward_is_stuck_on_that_way() -> None:
    dialogue = completed().refuse("no such street").expect_compensation("charge").refuse("no")
    dialogue.operate("force_forward").expect("charge").reply().expect("send").fail("no van")
    dialogue.expect("send").fail("no van").is_stuck("send")
    assert states(dialogue)["charge"] == "completed, pending"
    assert states(dialogue)["send"] == "stuck, pending"


def test_without_its_definition_the_steps_that_were_begun_are_drawn() -> None:
    picture = shown(HISTORIES["refused"](), known=False)
    assert [stage[0].name for stage in picture.stages] == ["reserve", "pack", "look"]
    assert [stage[0].state for stage in picture.stages] == ["completed", "completed", "refused"]


def test_every_recorded_history_can_be_drawn() -> None:
    for make in HISTORIES.values():
        assert graph.draw(shown(make())).startswith("<svg")
