"""Token bucket: how much may go now, and when more may."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from wildrydes.models import Dispatch
from wildrydes.relay import pacing
from wildrydes.relay.pacing import Bucket

NOW = datetime(2026, 1, 31, tzinfo=UTC)


def bucket(*, per_second: float, tokens: float, taken: int = 0) -> Bucket:
    made = Bucket("first", per_second, tokens, NOW)
    made.taken = taken
    return made


def dispatches(*sizes: int, queue: str = "first") -> list[Dispatch]:
    return [Dispatch(queue=queue, size=size) for size in sizes]


@pytest.mark.parametrize(
    ("per_second", "tokens", "taken", "allowance"),
    [
        (200, 200, 0, 200),
        (200, 10.9, 0, 10),
        (200, 9.9, 0, 0),
        (200, 10.9, 4, 6),
        (2, 1.5, 0, 1),
        (2, 0.9, 0, 0),
        (0.1, 1, 0, 1),
    ],
)
def test_nothing_goes_before_there_is_a_portion(
    per_second: float, tokens: float, taken: int, allowance: int
) -> None:
    assert bucket(per_second=per_second, tokens=tokens, taken=taken).allowance == allowance


@pytest.mark.parametrize(
    ("per_second", "tokens", "taken", "seconds"),
    [
        (200, 0, 0, 0.05),
        (200, 5, 0, 0.025),
        (200, 10, 10, 0.05),
        (2, 0, 0, 0.5),
        (0.1, 1, 1, 10),
    ],
)
def test_the_next_portion_comes_as_soon_as_its_tokens(
    per_second: float, tokens: float, taken: int, seconds: float
) -> None:
    made = bucket(per_second=per_second, tokens=tokens, taken=taken)
    assert made.seconds == pytest.approx(seconds)


def test_where_tokens_are_left_nothing_is_waited_for() -> None:
    assert bucket(per_second=200, tokens=11, taken=10).seconds == float("inf")


def test_only_what_a_token_is_left_for_is_within_reach() -> None:
    limited = {"first": bucket(per_second=5, tokens=5)}
    going = [dispatches(2, 2, 2, 2), dispatches(1), dispatches(500, 500, queue="second")]
    reached = pacing.within_reach(going, buckets=limited)
    assert [[item.size for item in batch] for batch in reached] == [[2, 2, 2], [500, 500]]
    assert limited["first"].taken == 0


def test_whole_dispatches_are_covered_as_they_are() -> None:
    limited = bucket(per_second=5, tokens=5)
    batch = dispatches(2, 3, 1)
    assert limited.cover(batch) == batch[:2]
    assert (limited.taken, limited.allowance) == (5, 0)
