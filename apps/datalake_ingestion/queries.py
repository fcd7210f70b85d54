"""What the lake is asked."""

from __future__ import annotations

from collections import Counter
from typing import Any

from apps.datalake_ingestion.lake import open_lake


def read_lake(url: str) -> list[dict[str, Any]]:
    """Return every event in the lake as a row. For tests and small lakes: all goes into memory."""
    rows: list[dict[str, Any]] = open_lake(url).read().to_pylist()
    return rows


def count_lake(url: str) -> Counter[str]:
    """Return how many rows the lake has of each type."""
    return Counter(row["type"] for row in read_lake(url))
