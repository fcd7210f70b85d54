"""Journeys: sagas whose participants do as the input says, and which say themselves how to end.

The input has `do` and `undo`, the conduct of steps that do not simply work, and `ends`, the
statuses that the saga may end in.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from tests.faults.probe.messages import STEPS, DoStep, JourneyStuck, UndoStep
from wildrydes import saga
from wildrydes.retry import RetryPolicy
from wildrydes.saga import Definition, Facts, Parallel, Step

ORCHESTRATOR = "probe.advance"
PATIENT = timedelta(minutes=3)
IMPATIENT = timedelta(seconds=4)
TWICE = RetryPolicy(max_attempts=2, first=timedelta(seconds=0.2), cap=timedelta(seconds=0.5))
PIVOT = "pay"


def _step(name: str, timeout: timedelta) -> Step:
    def do(facts: Facts) -> DoStep:
        return DoStep(step=name, saga=str(facts.saga), conduct=_conduct(facts.input, "do", name))

    def undo(facts: Facts) -> UndoStep:
        conduct = _conduct(facts.input, "undo", name)
        return UndoStep(step=name, saga=str(facts.saga), conduct=conduct)

    return Step(
        name,
        command=do,
        compensation=undo if name != "finish" else None,
        needs_no_compensation="it is the last" if name == "finish" else "",
        retry=TWICE,
        timeout=timeout,
        pivot=name == PIVOT,
        refusal=saga.BACK if name == "grant" else saga.FORWARD,
    )


def _conduct(given: Mapping[str, Any], way: str, step: str) -> str:
    return str(given.get(way, {}).get(step, "work"))


def _stuck(facts: Facts) -> JourneyStuck:
    return JourneyStuck(key=facts.key, step=facts.failed_step, reason=facts.reason)


def _define(name: str, timeout: timedelta) -> Definition:
    hold, left, right, pay, grant, finish = (_step(step, timeout) for step in STEPS)
    return saga.define(
        Definition(
            name=name,
            orchestrator=ORCHESTRATOR,
            steps=(hold, Parallel(left, right), pay, grant, finish),
            stuck=_stuck,
        )
    )


JOURNEY = _define("probe.journey", PATIENT)
HURRY = _define("probe.hurry", IMPATIENT)
saga.orchestrates(ORCHESTRATOR)
