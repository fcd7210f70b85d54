"""Recorded histories: the same definition gives them again, a changed one is found out."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from wildrydes.answering.answer import answered
from wildrydes.saga.definition import FORWARD, Definition, Step
from wildrydes.saga.recorded import History, differences
from wildrydes.saga.testing import Dialogue, given

from .selling import SELL, TWICE, ask


def packed() -> Dialogue:
    return given(SELL, {"gift": True}).expect("reserve").reply().expect("pack").reply()


def completed() -> Dialogue:
    dialogue = packed().expect("look").reply().expect("charge").fail("busy")
    return (
        dialogue.expect("charge")
        .reply(answered({"payment": "p"}))
        .reply_again()
        .expect("send")
        .time_out()
        .expect("send")
    )


def undone(dialogue: Dialogue) -> Dialogue:
    dialogue.expect_compensation("reserve").reply()
    return dialogue.expect_compensation("pack").reply().ends("compensated")


def supplied() -> Dialogue:
    dialogue = completed().fail("no van").is_stuck("send")
    return dialogue.operate("supply", step="send", result={"parcel": 9}).expect("wrap").reply()


def stuck_back() -> Dialogue:
    dialogue = completed().refuse("no such street").expect_compensation("charge").fail("no bank")
    dialogue.expect_compensation("charge").fail("no bank").is_stuck("charge")
    return undone(dialogue.operate("skip", step="charge", reason="paid back in cash"))


HISTORIES: dict[str, Callable[[], Dialogue]] = {
    "completed": lambda: completed().reply().expect("wrap").reply().ends("completed"),
    "under way": packed,
    "refused": lambda: undone(packed().expect("look").refuse("not today")),
    "stuck, supplied": supplied,
    "stuck on the way back, skipped": stuck_back,
    "cancelled": lambda: undone(packed().expect("look").operate("cancel").reply()),
    "too late": lambda: undone(packed().expect("look").after(timedelta(hours=2))),
    "in time": lambda: undone(
        packed()
        .expect("look")
        .reply()
        .expect("charge")
        .time_out()
        .expect_compensation("charge")
        .reply()
    ),
    "forced back": lambda: undone(
        completed()
        .operate("force_back")
        .expect_compensation("send")
        .reply()
        .expect_compensation("charge")
        .reply()
    ),
}


@pytest.mark.parametrize("name", HISTORIES)
def test_what_once_happened_happens_again(name: str) -> None:
    history = HISTORIES[name]().history()
    assert differences(history, SELL) == []
    assert History.from_data(json.loads(json.dumps(history.to_data()))).to_data() == (
        history.to_data()
    )
    assert differences(History.from_data(json.loads(json.dumps(history.to_data()))), SELL) == []


def changed(which: str, **changes: object) -> Definition:
    """Return the definition with another step in the place of this one."""
    steps = tuple(
        replace(item, **changes) if isinstance(item, Step) and item.name == which else item
        for item in SELL.steps
    )
    return replace(SELL, steps=steps)


@pytest.mark.parametrize(
    ("definition", "name", "text"),
    [
        (changed("look", name="peek"), "completed", "is now:"),
        (changed("look", command=ask("glance")), "completed", "the command of 'look' was"),
        (changed("wrap", when=None), "completed", ""),
        (changed("wrap", when=lambda facts: False), "completed", "its condition does not hold"),
        (changed("charge", retry=replace(TWICE, max_attempts=1)), "completed", "is now:"),
        (changed("charge", pivot=False), "stuck, supplied", "turned_back"),
        (changed("charge", compensation=ask("void")), "forced back", "'v1.shop.void'"),
        (replace(SELL, timeout=None), "too late", "is now:"),
        (replace(SELL, steps=(*SELL.steps, Step("wave", ask("wave")))), "completed", "wave"),
        (replace(SELL, steps=SELL.steps[:-1]), "completed", "is now: "),
    ],
)
def test_a_change_that_leads_elsewhere_is_named(
    definition: Definition, name: str, text: str
) -> None:
    found = differences(HISTORIES[name]().history(), definition)
    if not text:
        assert found == []  # it leads where it led
        return
    assert text in "\n".join(found)


def test_a_change_behind_the_end_of_a_history_is_none_of_its_business() -> None:
    assert differences(packed().history(), changed("send", refusal=FORWARD)) == []


def test_a_history_without_its_commands_is_compared_all_the_same() -> None:
    history = replace(completed().history(), sent={})
    assert differences(history, SELL) == []
    assert differences(history, changed("look", name="peek")) != []


def test_entries_that_are_missing_or_too_many_are_named() -> None:
    history = packed().history()
    fewer = replace(history, entries=history.entries[:-1])
    (was, comes) = differences(fewer, SELL)
    assert was.endswith("none")
    assert "look" in comes
