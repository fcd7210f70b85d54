"""What a responder says, and the one form in which it travels and is kept."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, get_args
from typing import Literal as OneOf

import orjson

Outcome = OneOf["answered", "declined", "failed"]

OUTCOMES = get_args(Outcome)
DATA_BYTES = 16 * 1024
REASON_CHARACTERS = 2_000


@dataclass(frozen=True)
class Answer:
    """One responder's answer. `data` is a JSON object of at most 16 KiB."""

    outcome: Outcome
    data: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""

    def to_data(self) -> dict[str, Any]:
        """Return the JSON-ready object."""
        return {"outcome": self.outcome, "data": dict(self.data), "reason": self.reason}


def answered(data: Mapping[str, Any]) -> Answer:
    """Return an answer that says something."""
    return Answer("answered", data)


def declined(reason: str, data: Mapping[str, Any] | None = None) -> Answer:
    """Return an answer that says: not me. To ask again would not help."""
    return Answer("declined", data or {}, reason)


def failed(reason: str) -> Answer:
    """Return what is recorded for a responder that could not answer, or answered nonsense."""
    return Answer("failed", reason=reason)


def from_data(raw: object) -> Answer:
    """Read what a responder sent; what is no answer becomes one that failed, and says why."""
    try:
        return _read(raw)
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        return failed(f"not an answer: {error!r}")


def refuse_unfit(answer: Answer) -> None:
    """Raise `ValueError`, saying why, unless Postgres can keep the answer and it is not too large.

    An object that is no JSON raises `TypeError`.
    """
    _refuse_wrong_form(answer)
    _refuse_unfit_text(json.dumps(dict(answer.data), allow_nan=False, ensure_ascii=False).encode())


def storable_reason(reason: str) -> str:
    """Return the beginning of the text, without what Postgres cannot store."""
    return reason.replace("\x00", "\\0").encode("utf-8", "replace").decode()[:REASON_CHARACTERS]


def _refuse_wrong_form(answer: Answer) -> None:
    if answer.outcome not in OUTCOMES:
        raise ValueError(f"the outcome must be one of {OUTCOMES}, not {answer.outcome!r}")
    if not isinstance(answer.data, Mapping):
        raise ValueError("the data is not an object")  # noqa: TRY004 - the sender's, not ours


def _refuse_unfit_text(text: bytes) -> None:
    if (size := len(text)) > DATA_BYTES:
        raise ValueError(f"the data is {size} bytes; at most {DATA_BYTES} are taken")
    if b"\\u0000" in text:
        raise ValueError("the data contains a NUL character")


def _read(raw: object) -> Answer:
    if not isinstance(raw, Mapping):
        raise ValueError("not an object")  # noqa: TRY004 - the sender's, not ours
    answer = Answer(raw["outcome"], raw.get("data", {}), str(raw.get("reason", "")))
    _refuse_wrong_form(answer)
    _refuse_unfit_text(orjson.dumps(answer.data))  # what was JSON already has no NaN in it
    return answer
