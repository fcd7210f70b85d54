"""The benchmark's statistics."""

from __future__ import annotations

import math

import pytest

from bench import figures


def test_a_figure_is_the_median_with_the_least_and_the_most() -> None:
    found = figures.figure([30.0, 10.0, 20.0, 50.0, 40.0])

    assert (found.median, found.least, found.most, found.rounds) == (30.0, 10.0, 50.0, 5)
    assert found.spread == pytest.approx(40 / 30)


def test_the_median_of_an_even_number_of_rounds_lies_between_the_two_in_the_middle() -> None:
    assert figures.figure([1.0, 2.0, 3.0, 10.0]).median == 2.5


def test_one_slow_round_moves_the_spread_and_not_the_median() -> None:
    found = figures.figure([10.0, 10.0, 10.0, 10.0, 1000.0])

    assert found.median == 10.0
    assert found.spread == 99.0


@pytest.mark.parametrize(("share", "expected"), [(0.5, 50), (0.99, 99), (1.0, 100), (0.001, 1)])
def test_a_percentile_is_a_value_that_was_measured(share: float, expected: int) -> None:
    assert figures.percentile([*range(100, 0, -1)], share) == expected


def test_a_percentile_of_one_value_is_that_value() -> None:
    assert figures.percentile([7.0], 0.99) == 7.0


def test_nothing_has_no_figure_and_no_percentile() -> None:
    with pytest.raises(ValueError, match="at least one round"):
        figures.figure([])
    with pytest.raises(ValueError, match="at least one value"):
        figures.percentile([], 0.5)


@pytest.mark.parametrize("share", [0, 1.1, -1])
def test_a_share_that_is_none_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match="share"):
        figures.percentile([1.0], share)


def test_a_ratio_to_nothing_is_not_a_number() -> None:
    assert figures.ratio(10.0, 4.0) == 2.5
    assert math.isnan(figures.ratio(10.0, 0.0))
    assert math.isnan(figures.ratio(10.0, None))
