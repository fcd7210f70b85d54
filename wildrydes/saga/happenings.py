"""What can happen to a saga."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID

from wildrydes.answering.answer import Answer

Action = Literal["retry", "skip", "supply", "force_forward", "force_back", "cancel"]


@dataclass(frozen=True)
class Started:
    """It has been asked for."""


@dataclass(frozen=True)
class Told:
    """A participant has answered the command `message`, of this step."""

    step: str
    message: UUID
    answer: Answer


@dataclass(frozen=True)
class Woken:
    """Time has passed; the moment says what is over."""


@dataclass(frozen=True, kw_only=True)
class Ordered:
    """A person wants something done, and says why."""

    action: Action
    by: str
    reason: str
    step: str = ""
    result: Mapping[str, Any] = field(default_factory=dict)


Happening = Started | Told | Woken | Ordered
