"""The question, and what is made of its answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar


@dataclass(frozen=True)
class Question:
    """A question that some do not answer."""

    silent: Sequence[str] = ()
    TYPE: ClassVar[str] = "v1.question.asked"

    def to_data(self) -> dict[str, Any]:
        return {"silent": list(self.silent)}


@dataclass(frozen=True)
class QuestionAnswered:
    """Who said what."""

    said: dict[str, str]
    TYPE: ClassVar[str] = "v1.question.answered"

    def to_data(self) -> dict[str, Any]:
        return {"said": self.said}
