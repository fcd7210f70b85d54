"""A saga's picture: nothing overlaps, nothing is told by colour alone, no text breaks out."""

from __future__ import annotations

from itertools import combinations
from typing import Any, get_args
from xml.etree import ElementTree

import pytest

from wildrydes.saga import graph
from wildrydes.saga.graph import Node, Outline, State, Undo
from wildrydes.saga.graph.layout import Box, lay_out
from wildrydes.saga.graph.marks import MARKS, WORDS

SVG = "{http://www.w3.org/2000/svg}"
STATES = get_args(State)
GONE_BACK = "sg-gone sg-compensated"


def sold(*states: State, status: Any = "running", undone: int = 0) -> Outline:
    """Return a saga of three steps; as many compensations as `undone`, from the last, are over."""
    names = ("reserve", "charge", "send")
    stages = []
    for number, (name, state) in enumerate(zip(names, states, strict=True)):
        undo = Undo(
            label=f"undo {name}", state="compensated" if number >= 3 - undone else "pending"
        )
        stages.append((Node(name=name, state=state, undo=undo, pivot=name == "charge"),))
    return Outline(name="shop.sell", stages=tuple(stages), status=status)


def parse(outline: Outline) -> ElementTree.Element:
    return ElementTree.fromstring(graph.draw(outline))


def texts(root: ElementTree.Element) -> list[str]:
    return [element.text or "" for element in root.iter(f"{SVG}text")]


@pytest.mark.parametrize("state", STATES)
def test_every_state_can_be_drawn_for_a_step_and_for_its_compensation(state: State) -> None:
    node = Node(name="charge", state=state, note="3 attempts", undo=Undo(label="back", state=state))
    root = parse(Outline(name="shop.sell", stages=((node,),)))
    titles = [element.text for element in root.iter(f"{SVG}title")]
    assert titles == [f"charge: {WORDS[state]} · 3 attempts", f"back: {WORDS[state]}"]


def test_states_differ_in_word_and_in_shape() -> None:
    assert set(MARKS) == set(WORDS) == set(STATES)
    assert len(set(MARKS.values())) == len(set(WORDS.values())) == len(STATES)


def test_all_of_it_is_told_in_words_too() -> None:
    outline = sold("compensated", "failed", "pending", status="compensating")
    assert parse(outline).attrib["aria-label"] == (
        "shop.sell is compensating: reserve undone; charge failed; send not begun"
    )


def test_texts_are_escaped_and_what_no_document_may_hold_is_replaced() -> None:
    node = Node(
        name='<script>"&',
        state="failed",
        note="</svg>\x00\x1b",
        undo=Undo(label="<b>", state="failed", note="&amp;"),
    )
    outline = Outline(name="<x>", stages=((node, Node(name="]]>", irreversible="<i>")),))
    root = parse(outline)
    assert not list(root.iter("script"))
    assert '<script>"&' in texts(root)
    assert "</svg>\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}" in texts(root)
    assert "<script" not in graph.draw(outline)


def test_a_name_that_is_too_long_is_cut_and_stands_whole_in_the_title() -> None:
    name = "a_very_long_name_" * 10
    root = parse(Outline(name="x", stages=((Node(name=name, irreversible="reads only"),),)))
    (shown,) = [text for text in texts(root) if text.startswith("a_very")]
    assert shown.endswith("…")
    assert len(shown) < 30
    assert f"{name}: not begun" in [title.text for title in root.iter(f"{SVG}title")]


def test_nothing_lies_on_anything_else_and_everything_is_inside() -> None:
    group = tuple(Node(name=f"s{i}", undo=Undo(label=f"u{i}")) for i in range(4))
    one = (Node(name="a", irreversible="reads only"),)
    layout = lay_out(Outline(name="x", stages=(one, group, group[:1], group[:2])))
    boxes = [box for column in layout.columns for _, box in [*column.steps, *column.undos]]
    assert not [pair for pair in combinations(boxes, 2) if overlap(*pair)]
    assert all(box.x > 0 and box.right < layout.width for box in boxes)
    assert all(box.y > 0 and box.bottom < layout.height for box in boxes)


def overlap(one: Box, other: Box) -> bool:
    apart = (
        one.right <= other.x
        or other.right <= one.x
        or one.bottom <= other.y
        or other.bottom <= one.y
    )
    return not apart


def test_steps_of_a_group_stand_beneath_each_other_in_one_frame() -> None:
    group = (Node(name="hotel", irreversible="-"), Node(name="car", irreversible="-"))
    (column,) = lay_out(Outline(name="x", stages=(group,))).columns
    (_, hotel), (_, car) = column.steps
    assert hotel.x == car.x
    assert hotel.bottom < car.y
    assert column.frame.y < hotel.y
    assert column.frame.bottom > car.bottom


def test_the_pivot_is_marked_and_what_it_parts_is_named() -> None:
    shown = texts(parse(sold("completed", "running", "pending")))
    assert shown.count("◆ pivot") == 1
    assert "only forward →" in shown


def test_without_a_pivot_nothing_is_said_of_one() -> None:
    outline = Outline(name="x", stages=((Node(name="a", irreversible="reads only"),),))
    assert not {"◆ pivot", "only forward →"} & set(texts(parse(outline)))


def test_a_step_says_that_it_is_optional_and_that_a_refusal_turns_the_saga_round() -> None:
    node = Node(name="credit", irreversible="-", optional=True, turns_back=True)
    shown = texts(parse(Outline(name="x", stages=((node,),))))
    assert {"optional", "↩ if refused"} <= set(shown)


def test_of_the_way_forward_as_much_is_drawn_as_gone_as_was_gone() -> None:
    def gone(outline: Outline) -> int:
        return graph.draw(outline).count('class="sg-way sg-gone"')

    assert gone(sold("pending", "pending", "pending")) == 0
    assert gone(sold("completed", "running", "pending")) == 2
    assert gone(sold("completed", "skipped", "running")) == 3
    assert gone(sold("completed", "completed", "skipped", status="completed")) == 4


def test_of_the_way_back_as_much_is_drawn_as_gone_as_was_gone() -> None:
    def gone(outline: Outline) -> int:
        return graph.draw(outline).count(f'class="sg-way {GONE_BACK}"')

    done = ("completed", "completed", "failed")
    assert gone(sold(*done)) == 0
    assert gone(sold(*done, status="compensating", undone=1)) == 1
    assert gone(sold(*done, status="compensating", undone=2)) == 2
    assert gone(sold(*done, status="compensated", undone=3)) == 4


def test_past_the_compensation_of_a_step_that_was_refused_leads_a_way_of_its_own() -> None:
    stages = sold("completed", "refused", "pending").stages
    first = Node(name="reserve", undo=Undo(label="undo reserve", state="compensating"))
    outline = Outline(name="x", stages=((first,), *stages[1:]), status="compensating")
    picture = graph.draw(outline)
    assert picture.count(f'class="sg-way {GONE_BACK}"') == 1
    assert " Q" in picture


def test_a_saga_that_is_refused_at_once_leads_straight_to_its_end() -> None:
    outline = sold("refused", "pending", "pending", status="compensated")
    assert graph.draw(outline).count(f'class="sg-way {GONE_BACK}"') == 1


@pytest.mark.parametrize("status", ["running", "compensating", "compensated", "stuck"])
def test_steps_that_cannot_be_undone_stand_in_nobodys_way(status: Any) -> None:
    no, yes = {"irreversible": "reads only"}, {"undo": Undo(label="back", state="compensating")}
    for kinds in ((no, no, no), (no, yes, no), (yes, no, no), (no, no, yes)):
        stages = tuple((Node(name="a", state="completed", **kind),) for kind in kinds)
        assert parse(Outline(name="x", stages=stages, status=status)) is not None


def test_a_saga_that_is_stuck_is_shown_louder_than_anything_else() -> None:
    assert "sg-alarm" in graph.draw(sold("completed", "stuck", "pending")).partition("</style>")[2]
    assert (
        "sg-alarm" not in graph.draw(sold("failed", "running", "refused")).partition("</style>")[2]
    )


def test_a_saga_without_steps_can_be_drawn() -> None:
    assert texts(parse(Outline(name="x", stages=()))) == ["started", "completed"]


def test_the_same_saga_gives_the_same_picture() -> None:
    assert graph.draw(sold("completed", "running", "pending")) == graph.draw(
        sold("completed", "running", "pending")
    )


def test_night_is_told_by_the_page_or_by_the_readers_system() -> None:
    outline = sold("completed", "running", "pending")
    assert ".dark .sg" in graph.draw(outline)
    assert "prefers-color-scheme" not in graph.draw(outline)
    assert "prefers-color-scheme:dark" in graph.draw(outline, standalone=True)
