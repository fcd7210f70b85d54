"""What the relay remembers is bounded, and what was used last is forgotten last."""

from __future__ import annotations

from uuid import uuid4

from wildrydes.relay.recent import RecentMessages


def test_what_was_added_is_found_and_nothing_else() -> None:
    recent, one, other = RecentMessages(size=100), uuid4(), uuid4()
    recent.add({one: b"one"})
    assert recent.find([one, other]) == {one: b"one"}


def test_it_keeps_no_more_than_its_size_and_forgets_what_is_unused_for_longest() -> None:
    recent, ids = RecentMessages(size=30), [uuid4() for _ in range(4)]
    recent.add(dict.fromkeys(ids[:3], b"x" * 10))
    recent.find(ids[:1])
    recent.add({ids[3]: b"x" * 10})
    assert recent.find(ids).keys() == {ids[0], ids[2], ids[3]}


def test_what_is_added_again_is_not_counted_twice() -> None:
    recent, ids = RecentMessages(size=30), [uuid4() for _ in range(3)]
    for _ in range(5):
        recent.add(dict.fromkeys(ids, b"x" * 10))
    assert recent.find(ids).keys() == set(ids)


def test_what_is_larger_than_everything_is_not_kept() -> None:
    recent, large = RecentMessages(size=5), uuid4()
    recent.add({large: b"x" * 10})
    assert recent.find([large]) == {}
