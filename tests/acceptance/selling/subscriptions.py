"""A saga of four steps, and participants that decline what they are told to decline."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial

from tests.acceptance.selling.topology import ORCHESTRATOR, PARTICIPANTS, type_of
from wildrydes import saga
from wildrydes.envelope import Envelope
from wildrydes.outgoing import Body, Plain
from wildrydes.retry import RetryPolicy
from wildrydes.saga import Answer, Definition, Facts, Step


def ask(name: str, verb: str, facts: Facts) -> Body:
    return Plain(type_of(name, verb), {"declines": name in facts.input["declined"]})


def _step(name: str) -> Step:
    command: Callable[[Facts], Body] = partial(ask, name, "do")
    return Step(
        name,
        command,
        compensation=partial(ask, name, "undo"),
        retry=RetryPolicy(max_attempts=2, first=timedelta(milliseconds=100)),
        pivot=name == "pay",
        refusal=saga.BACK,
    )


def answer(verb: str, envelopes: Sequence[Envelope]) -> list[Answer | None]:
    return [
        saga.declined("as told")
        if verb == "do" and item.data["declines"]
        else saga.answered({"for": item.subject})
        for item in envelopes
    ]


saga.define(
    Definition(name="sale", orchestrator=ORCHESTRATOR, steps=tuple(map(_step, PARTICIPANTS)))
)
saga.orchestrates(ORCHESTRATOR)
for _name in PARTICIPANTS:
    for _verb in ("do", "undo"):
        saga.answers(f"selling.{_name}_{_verb}")(partial(answer, _verb))
