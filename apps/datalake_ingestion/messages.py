"""What data lake ingestion says to itself: write this file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar
from uuid import UUID


@dataclass(frozen=True, kw_only=True)
class WriteLakeFile:
    """Write one collected file to the lake. A claim check: the events stay in the database."""

    TYPE: ClassVar[str] = "v1.lake-file.write"

    lake_file: UUID

    def to_data(self) -> dict[str, Any]:
        """Return the JSON-ready object."""
        return {"lake_file": str(self.lake_file)}

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> WriteLakeFile:
        """Read what `to_data` wrote."""
        return cls(lake_file=UUID(data["lake_file"]))
