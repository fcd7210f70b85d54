"""What a picture of a saga is drawn from: its steps in order, and how each stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal as OneOf

State = OneOf[
    "pending",
    "running",
    "retrying",
    "completed",
    "refused",
    "failed",
    "timed_out",
    "compensating",
    "compensated",
    "skipped",
    "stuck",
]
Status = OneOf["running", "compensating", "completed", "compensated", "stuck"]

UNTOUCHED = ("pending", "skipped")


@dataclass(frozen=True, kw_only=True)
class Undo:
    """A step's compensation. `note` is one short line, such as how long it took."""

    label: str
    state: State = "pending"
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Node:
    """A step. `irreversible` says why there is nothing to undo, where `undo` is none."""

    name: str
    state: State = "pending"
    note: str = ""
    undo: Undo | None = None
    irreversible: str = ""
    pivot: bool = False
    optional: bool = False
    turns_back: bool = False


@dataclass(frozen=True, kw_only=True)
class Outline:
    """A saga: stages in order; the steps of one stage go on side by side."""

    name: str
    stages: tuple[tuple[Node, ...], ...]
    status: Status = "running"

    @property
    def pivot(self) -> int | None:
        """Return the number of the stage after which only forward is allowed."""
        holds = (any(node.pivot for node in stage) for stage in self.stages)
        return next((number for number, found in enumerate(holds) if found), None)

    @property
    def furthest(self) -> int:
        """Return the number of the last stage that was begun; -1 when none was."""
        begun = (
            number
            for number, stage in enumerate(self.stages)
            if any(node.state not in UNTOUCHED for node in stage)
        )
        return max(begun, default=-1)

    @property
    def is_turned(self) -> bool:
        """Say whether the saga went, or is going, back."""
        if self.status in ("compensating", "compensated"):
            return True
        return any(undone(stage) for stage in self.stages)


def undone(stage: tuple[Node, ...]) -> bool:
    """Say whether any compensation of the stage was begun."""
    return any(node.undo is not None and node.undo.state != "pending" for node in stage)
