"""The ten answer, each with its name, and the gathering counts them."""

from __future__ import annotations

from collections.abc import Sequence

from tests.acceptance.gathering.messages import QuestionAnswered
from tests.acceptance.gathering.topology import GATHERING, RESPONDERS
from wildrydes import scatter_gather
from wildrydes.envelope import Envelope
from wildrydes.scatter_gather import Answer, Entry, Question


@scatter_gather.gathers(GATHERING)
def gather(scatter: Question, entries: Sequence[Entry]) -> QuestionAnswered:
    return QuestionAnswered({item.responder: item.outcome for item in entries})


def _bind(name: str) -> None:
    @scatter_gather.answers(f"gathering.answer_{name}")
    def answer(envelopes: Sequence[Envelope]) -> list[Answer | None]:
        return [
            None if name in item.data["silent"] else scatter_gather.answered({"name": name})
            for item in envelopes
        ]


for _name in RESPONDERS:
    _bind(_name)
