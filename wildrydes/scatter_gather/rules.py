"""When a scatter is complete. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from wildrydes.models import Scatter
from wildrydes.scatter_gather.rows import Question


@dataclass(frozen=True)
class Rule:
    """When a scatter is complete, before its deadline: `wanted` is the rule's number."""

    name: str
    wanted: int = 0


ALL = Rule(Scatter.Rule.ALL)
DEADLINE = Rule(Scatter.Rule.DEADLINE)


class Quorum(Rule):
    """Complete as soon as so many have responded, whatever they said."""

    def __init__(self, number: int) -> None:
        super().__init__(Scatter.Rule.QUORUM, _positive(number))


class First(Rule):
    """Complete as soon as so many have answered; who declined or failed does not count."""

    def __init__(self, number: int) -> None:
        super().__init__(Scatter.Rule.FIRST, _positive(number))


def is_met(scatter: Question, *, responded: int, answered: int) -> bool:
    """Say whether the scatter is complete. When all have responded it is, by any rule but one.

    The one is `DEADLINE`, which waits for its deadline unless nobody was asked.
    """
    if scatter.rule == Scatter.Rule.DEADLINE and scatter.asked:
        return False
    if responded >= len(scatter.asked):
        return True
    if scatter.rule == Scatter.Rule.QUORUM:
        return responded >= scatter.wanted
    return scatter.rule == Scatter.Rule.FIRST and answered >= scatter.wanted


def _positive(number: int) -> int:
    if number < 1:
        raise ValueError(f"a rule needs a number of 1 or more, not {number}")
    return number
