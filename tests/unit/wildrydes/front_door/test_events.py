"""A reader of an event stream goes on where it stopped, in whatever order things happened."""

from __future__ import annotations

import itertools
import re

import pytest

from wildrydes.front_door import events
from wildrydes.front_door.events import Happening

THREE = [Happening(number=number, event="quote", data={"n": number}) for number in range(3)]


def numbers(body: bytes) -> list[int]:
    return [int(found) for found in re.findall(rb'^data: {"n":(\d+)}$', body, re.MULTILINE)]


def last_id(body: bytes) -> str:
    found: list[bytes] = re.findall(rb"^id: (.+)$", body, re.MULTILINE)
    return found[-1].decode()


def test_an_event_is_written_as_the_standard_says() -> None:
    happening = Happening(number=2, event="quote", data={"text": "a\nb", "at": None})

    written = events.written([happening], seen=0)

    assert written == b'id: 4\nevent: quote\ndata: {"text":"a\\nb","at":null}\n\n'


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
@pytest.mark.parametrize("cut", range(4))
def test_nothing_is_missed_and_nothing_comes_twice(order: tuple[int, ...], cut: int) -> None:
    """Given that things came to be seen in this order, and the reader went away after some."""
    in_order = [THREE[number] for number in order]
    before = events.written(in_order[:cut], seen=0)
    mask = events.seen(last_id(before)) if before else 0

    after = events.written(THREE, seen=mask)

    assert sorted(numbers(before) + numbers(after)) == [0, 1, 2]


def test_an_id_says_all_that_was_sent_up_to_its_event() -> None:
    body = events.written([THREE[2], THREE[0]], seen=0)

    assert re.findall(rb"^id: (.+)$", body, re.MULTILINE) == [b"4", b"5"]


@pytest.mark.parametrize("id", ["", "x", "-1", "0x1", "1_0", " 1", "F", "1" * 257, "١"])
def test_an_id_that_is_none_of_ours_has_seen_nothing(id: str) -> None:
    assert events.seen(id) == 0


def test_an_answer_is_never_kept_by_a_cache_or_held_by_a_proxy() -> None:
    answer = events.answer(THREE, last_event_id="3")

    assert numbers(answer.content) == [2]
    assert answer["Content-Type"] == "text/event-stream"
    assert (answer["Cache-Control"], answer["X-Accel-Buffering"]) == ("no-store", "no")


def test_who_has_seen_all_that_there_will_be_need_not_come_back() -> None:
    assert events.answer(THREE, last_event_id="7").status_code == 204
    assert events.answer(THREE, last_event_id="3").status_code == 200
    going_on = events.answer(THREE, last_event_id="7", headers={"X-Live": "stream"})
    assert (going_on.status_code, going_on.content) == (200, b"")
