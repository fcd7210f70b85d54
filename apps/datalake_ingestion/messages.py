"""What data lake ingestion says to itself: write this file, put small files together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
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


@dataclass(frozen=True, kw_only=True)
class CompactLake:
    """Plan which small files become one. Sent by the clock, for the moment that it names."""

    TYPE: ClassVar[str] = "v1.lake.compact"

    due_at: datetime

    def to_data(self) -> dict[str, Any]:
        """Return the JSON-ready object."""
        return {"due_at": self.due_at.isoformat()}

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> CompactLake:
        """Read what `to_data` wrote."""
        return cls(due_at=datetime.fromisoformat(data["due_at"]))


@dataclass(frozen=True, kw_only=True)
class MergeLakeFile:
    """Put a planned file in the place of its sources."""

    TYPE: ClassVar[str] = "v1.lake-file.merge"

    lake_file: UUID

    def to_data(self) -> dict[str, Any]:
        """Return the JSON-ready object."""
        return {"lake_file": str(self.lake_file)}

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> MergeLakeFile:
        """Read what `to_data` wrote."""
        return cls(lake_file=UUID(data["lake_file"]))


@dataclass(frozen=True, kw_only=True)
class ClearLakeFile:
    """Remove the files whose place a merged file has taken."""

    TYPE: ClassVar[str] = "v1.lake-file.clear"

    lake_file: UUID

    def to_data(self) -> dict[str, Any]:
        """Return the JSON-ready object."""
        return {"lake_file": str(self.lake_file)}

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> ClearLakeFile:
        """Read what `to_data` wrote."""
        return cls(lake_file=UUID(data["lake_file"]))
