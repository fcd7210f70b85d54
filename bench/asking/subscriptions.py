"""Sixteen who answer at once, and the gathering of what they say."""

from __future__ import annotations

from collections.abc import Sequence

from bench.asking import names
from wildrydes import scatter_gather
from wildrydes.envelope import Envelope
from wildrydes.outgoing import Plain
from wildrydes.scatter_gather import Answer, Entry, Question


@scatter_gather.gathers(names.GATHERING)
def gather(scatter: Question, entries: Sequence[Entry]) -> Plain:
    """Put together what came in time, as ride booking does."""
    quotes = [{"responder": each.responder, **each.data} for each in entries if each.data]
    return Plain(names.GATHERED, {**names.REQUEST, "rfq": str(scatter.id), "quotes": quotes})


def quote(envelopes: Sequence[Envelope]) -> list[Answer | None]:
    """Answer every request."""
    return [scatter_gather.answered(names.QUOTE) for _ in envelopes]


for _responder in names.RESPONDERS:
    scatter_gather.answers(names.subscription_of(_responder))(quote)
