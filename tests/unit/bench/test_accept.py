"""A rate counts only when every request was accepted, and there were some."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace
from typing import Any

import pytest

from bench.load.generators import Report
from bench.rows import accept

ONE: Any = SimpleNamespace(side=SimpleNamespace(name="ours"), log=lambda name: f"the log of {name}")


@pytest.mark.parametrize("statuses", [{}, {201: 5, 503: 1}, {500: 1}])
def test_a_load_that_was_not_accepted_throughout_is_no_measurement(
    statuses: dict[int, int],
) -> None:
    with pytest.raises(RuntimeError, match="ours answered"):
        accept._checked(ONE, Report(statuses=Counter(statuses)))


def test_a_load_that_was_accepted_is_one() -> None:
    report = Report(statuses=Counter({201: 5}))
    assert accept._checked(ONE, report) is report
