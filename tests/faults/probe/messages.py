"""The published language of the probe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self


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
