"""The published language of the probe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

STEPS = ("hold", "left", "right", "pay", "grant", "finish")


@dataclass(frozen=True, kw_only=True)
class ProbeHappened:
    """Something happened, and whoever handles it is to behave so."""

    TYPE: ClassVar[str] = "v1.probe.happened"

    behaviour: str

    def to_data(self) -> dict[str, Any]:
        """Return the JSON-ready object."""
        return {"behaviour": self.behaviour}

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_data` wrote."""
        return cls(behaviour=data["behaviour"])


@dataclass(frozen=True, kw_only=True)
class Command:
    """A step of a saga is to be done or undone, and whoever does it is to behave so."""

    PREFIX: ClassVar[str]

    step: str
    saga: str
    conduct: str = "work"

    @property
    def TYPE(self) -> str:  # noqa: N802 - as the constant of other messages
        """Return the type of the command."""
        return f"{self.PREFIX}{self.step}"

    def to_data(self) -> dict[str, Any]:
        """Return the JSON-ready object."""
        return {"saga": self.saga, "step": self.step, "conduct": self.conduct}

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_data` wrote."""
        return cls(step=data["step"], saga=data["saga"], conduct=data["conduct"])


@dataclass(frozen=True, kw_only=True)
class DoStep(Command):
    """A step is to be done."""

    PREFIX: ClassVar[str] = "v1.probe-step.do-"


@dataclass(frozen=True, kw_only=True)
class UndoStep(Command):
    """A step is to be undone."""

    PREFIX: ClassVar[str] = "v1.probe-step.undo-"


@dataclass(frozen=True, kw_only=True)
class JourneyStuck:
    """A journey waits for a person."""

    TYPE: ClassVar[str] = "v1.probe-journey.stuck"

    key: str
    step: str
    reason: str

    def to_data(self) -> dict[str, Any]:
        """Return the JSON-ready object."""
        return {"key": self.key, "step": self.step, "reason": self.reason}

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_data` wrote."""
        return cls(key=data["key"], step=data["step"], reason=data["reason"])
