"""A fleet treats a request always the same way, and many requests as its numbers say."""

from __future__ import annotations

import random
from datetime import timedelta
from statistics import median
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from apps.unicorn_management.fleets import behaviour
from apps.unicorn_management.fleets.behaviour import AnswerAfter, Behaviour, Conduct, Fault, Silence

MANY = [UUID(int=random.Random(7).getrandbits(128) + n, version=4) for n in range(4_000)]

rates = st.floats(0, 1, allow_nan=False)
delays = st.tuples(*[st.floats(0, 300, allow_nan=False)] * 3).map(sorted)


def conducts(how: Behaviour, fleet: str = "winelands") -> list[Conduct]:
    return [behaviour.decide(behaviour=how, request=one, fleet=fleet) for one in MANY]


def seconds(found: list[Conduct]) -> list[float]:
    return [one.delay.total_seconds() for one in found if isinstance(one, AnswerAfter)]


def test_without_more_words_a_fleet_answers_at_once() -> None:
    assert set(conducts(Behaviour())) == {AnswerAfter(timedelta(0))}


def test_the_same_request_meets_the_same_behaviour() -> None:
    how = Behaviour(answer_rate=0.5, delay_median_seconds=1, delay_max_seconds=4)

    assert conducts(how) == conducts(how)


def test_fleets_decide_each_for_themselves() -> None:
    how = Behaviour(answer_rate=0.5)

    assert conducts(how, "winelands") != conducts(how, "cape-town")


def test_the_rates_are_kept() -> None:
    found = conducts(Behaviour(answer_rate=0.7, fault_rate=0.1))

    assert 0.27 < found.count(Silence()) / len(found) < 0.33
    assert 0.05 < found.count(Fault()) / len(found) < 0.09  # a tenth of those that answer


def test_rates_of_nothing_and_everything_mean_that() -> None:
    assert set(conducts(Behaviour(answer_rate=0))) == {Silence()}
    assert set(conducts(Behaviour(fault_rate=1))) == {Fault()}


def test_delays_lie_around_their_median_between_the_shortest_and_the_longest() -> None:
    how = Behaviour(delay_min_seconds=0.5, delay_median_seconds=1.5, delay_max_seconds=4)
    found = seconds(conducts(how))

    assert len(found) == len(MANY)
    assert 1.4 < median(found) < 1.6
    assert (min(found), max(found)) == (0.5, 4)
    assert 0.003 < found.count(4) / len(found) < 0.02  # one in a hundred is cut


@given(st.uuids(), delays, rates, rates)
def test_no_delay_is_outside_its_bounds(
    request: UUID, bounds: list[float], answer_rate: float, fault_rate: float
) -> None:
    shortest, middle, longest = bounds
    how = Behaviour(
        answer_rate=answer_rate,
        fault_rate=fault_rate,
        delay_min_seconds=shortest,
        delay_median_seconds=middle,
        delay_max_seconds=longest,
    )

    found = behaviour.decide(behaviour=how, request=request, fleet="winelands")
    for delay in seconds([found]):
        assert delay == 0 if middle == 0 else shortest - 1e-6 <= delay <= longest + 1e-6
