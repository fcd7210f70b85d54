"""A bucket gives what it holds and what the rate adds, whichever processes take some ahead."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from wildrydes import redis
from wildrydes.front_door import buckets
from wildrydes.front_door.buckets import MICROSECONDS, Portions, Taken
from wildrydes.front_door.rates import Rate

DAY = 86_400
A_DAY_OF_TEN = Rate(name="test", most=10, seconds=DAY)
A_DAY_OF_A_HUNDRED = Rate(name="test", most=100, seconds=DAY)
A_DAY_OF_A_THOUSAND = Rate(name="test", most=1000, seconds=DAY)

pytestmark = pytest.mark.usefixtures("wire")


class Day:
    """Processes that take from one bucket, while time passes for them and for Redis."""

    def __init__(self, *, processes: int, rate: Rate = A_DAY_OF_A_THOUSAND) -> None:
        self.now = 0.0
        self.rate = rate
        self.processes = [Portions(clock=lambda: self.now) for _ in range(processes)]

    def take(self, process: int = 0) -> Taken:
        return self.processes[process].take("b", rate=self.rate)

    def pass_by(self, tokens: float) -> None:
        """Let the time pass that it takes for so many tokens to come."""
        self.now += tokens * self.rate.each
        if redis.client().exists("b"):
            redis.client().decrby("b", round(tokens * self.rate.each * MICROSECONDS))


@pytest.fixture
def restless() -> Iterator[None]:
    """Let threads take turns a thousand times as often."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(usual / 1000)
    yield
    sys.setswitchinterval(usual)


def in_redis() -> bytes:
    found = redis.client().get("b")
    assert isinstance(found, bytes)
    return found


def test_a_bucket_gives_what_it_holds_and_says_what_is_left() -> None:
    taken = [buckets.take("b", rate=A_DAY_OF_TEN) for _ in range(12)]

    assert [item.is_given for item in taken] == [True] * 10 + [False] * 2
    assert [item.left for item in taken] == [9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 0, 0]
    assert 0.9 * DAY / 10 < taken[-1].next_in <= DAY / 10
    assert taken[0].next_in == 0


def test_however_many_take_at_once_no_more_is_given_than_there_is() -> None:
    with ThreadPoolExecutor(max_workers=16) as pool:
        taken = list(pool.map(lambda _: buckets.take("b", rate=A_DAY_OF_TEN), range(200)))
    assert sum(item.is_given for item in taken) == 10


def test_what_is_taken_comes_back_at_the_rate() -> None:
    day = Day(processes=1, rate=A_DAY_OF_TEN)
    for _ in range(10):
        day.take()
    day.pass_by(3.5)
    assert [day.take().is_given for _ in range(5)] == [True] * 3 + [False] * 2


def test_a_bucket_that_is_full_again_is_not_kept() -> None:
    buckets.take("b", rate=A_DAY_OF_TEN)
    assert 0 < redis.client().pttl("b") <= 1000 * DAY / 10


def test_a_rate_beyond_what_the_clock_can_tell_apart_gives_always() -> None:
    rate = Rate(name="test", most=999_999_999, seconds=1)
    assert all(buckets.take("b", rate=rate).is_given for _ in range(20))


def test_a_clock_that_was_put_back_keeps_nobody_out_for_longer_than_an_empty_bucket() -> None:
    buckets.take("b", rate=A_DAY_OF_TEN)
    redis.client().incrby("b", 10 * DAY * MICROSECONDS)
    taken = buckets.take("b", rate=A_DAY_OF_TEN)
    assert not taken.is_given
    assert taken.next_in <= DAY / 10 + 1


def test_a_tenth_of_what_is_left_is_taken_at_a_time_and_given_one_by_one() -> None:
    day = Day(processes=1)

    asked, left = [], []
    for _ in range(300):
        left.append(day.take().left)
        asked.append(in_redis())

    # 100 of 1000, 90 of 900, 81 of 810, 72 of 729
    assert [asked.index(value) for value in dict.fromkeys(asked)] == [0, 100, 190, 271]
    assert left == list(range(999, 699, -1))


def test_who_has_not_much_left_takes_one_at_a_time() -> None:
    day = Day(processes=1, rate=Rate(name="test", most=19, seconds=DAY))
    asked = set()
    for _ in range(19):
        assert day.take().is_given
        asked.add(in_redis())
    assert len(asked) == 19


def test_everything_that_is_held_is_given_in_the_end_and_nothing_else() -> None:
    day = Day(processes=4)
    taken = [day.take(turn % 4).is_given for turn in range(1100)]
    assert taken == [True] * 1000 + [False] * 100


@pytest.mark.parametrize("most", [1000, 30_000])
def test_threads_that_take_ahead_at_once_get_together_what_there_is(
    most: int, restless: None
) -> None:
    rate, portions = Rate(name="test", most=most, seconds=1000 * DAY), Portions()
    with ThreadPoolExecutor(max_workers=16) as pool:
        taken = list(pool.map(lambda _: portions.take("b", rate=rate), range(most + 200)))
    assert sum(item.is_given for item in taken) == most


def test_what_is_held_is_void_as_it_would_overflow_if_it_went_back() -> None:
    day = Day(processes=1, rate=A_DAY_OF_A_HUNDRED)
    day.take()  # and nine are held
    day.pass_by(5.5)
    before = in_redis()
    assert [day.take().left for _ in range(4)] == [99, 98, 97, 96]
    assert in_redis() == before
    day.take()
    assert in_redis() != before


def test_what_is_held_is_not_given_beside_a_full_bucket() -> None:
    day = Day(processes=2, rate=A_DAY_OF_A_HUNDRED)
    day.take(0)
    day.pass_by(10.5)  # the bucket is full again
    redis.client().delete("b")
    given = [day.take(turn % 2).is_given for turn in range(110)]
    assert sum(given) == 100


@pytest.mark.parametrize("seed", range(12))
def test_in_no_stretch_of_time_is_more_given_than_the_bucket_holds_and_the_rate_adds(
    seed: int,
) -> None:
    chance = random.Random(seed)
    day = Day(processes=3, rate=Rate(name="test", most=400, seconds=DAY))
    tokens = 400.0  # of a bucket that everyone asks for each token
    for _ in range(60):
        process = chance.randrange(3)
        for _ in range(chance.choice([1, 3, 40])):
            tokens -= day.take(process).is_given
        assert tokens > -0.01
        passed = chance.choice([0, 0.5, 3, 30])
        day.pass_by(passed)
        tokens = min(400.0, tokens + passed)


def test_what_threads_have_taken_ahead_at_once_counts_as_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    day = Day(processes=1)
    run, others = buckets.SCRIPT.run, [True]

    def meanwhile(*words: str | float) -> object:
        if others:
            others.pop()
            assert day.take().left == 999
        return run(*words)  # type: ignore[arg-type]

    monkeypatch.setattr(buckets.SCRIPT, "run", meanwhile)
    assert [day.take().left for _ in range(180)] == list(range(998, 818, -1))


def test_one_caller_gets_nothing_of_what_is_held_for_another() -> None:
    portions = Portions()
    portions.take("b", rate=A_DAY_OF_A_THOUSAND)
    assert portions.take("c", rate=A_DAY_OF_A_THOUSAND).left == 999
    assert redis.client().exists("c")


def test_no_more_is_remembered_than_so_many_buckets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buckets, "MOST_BUCKETS", 3)
    portions = Portions()
    for name in "bcde":  # the first three are forgotten with the fourth
        portions.take(name, rate=A_DAY_OF_A_THOUSAND)
    before = in_redis()
    portions.take("b", rate=A_DAY_OF_A_THOUSAND)
    assert in_redis() != before
