"""Statistics: the median of rounds with its spread, and percentiles. No dependency, no clock."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """The median of some rounds, and the least and the most of them."""

    median: float
    least: float
    most: float
    rounds: int

    @property
    def spread(self) -> float:
        """Return how far apart the rounds are, as a share of the median."""
        return (self.most - self.least) / self.median if self.median else 0.0


def figure(values: Sequence[float]) -> Figure:
    """Return the figure of these rounds. Raises `ValueError` when there are none."""
    if not values:
        raise ValueError("a figure needs at least one round")
    return Figure(statistics.median(values), min(values), max(values), len(values))


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that at least this share of the values does not exceed.

    That is the nearest rank: always a value that was measured. `share` is above 0, at most 1.
    """
    if not values:
        raise ValueError("a percentile needs at least one value")
    if not 0 < share <= 1:
        raise ValueError(f"a share is above 0 and at most 1, not {share}")
    rank = math.ceil(share * len(values))
    return sorted(values)[rank - 1]


def ratio(ours: float, theirs: float | None) -> float:
    """Return ours divided by theirs; not a number where there is nothing to divide by."""
    return ours / theirs if theirs else math.nan
