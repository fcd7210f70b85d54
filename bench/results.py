"""What a row found, as JSON; rows that were not run keep what they said the last time."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.figures import Figure, figure

LATEST = Path(__file__).parent / "results" / "latest.json"
ORDER_KEY = "row"


@dataclass
class Result:
    """One row. `details` hold what has no column of its own, and how the figures came about.

    `met` is None where the row states something instead of having a goal.
    """

    row: str
    unit: str
    goal: str
    ours: float
    met: bool | None
    peers: dict[str, float] = field(default_factory=dict)
    floor: float | None = None
    ratios: dict[str, float] = field(default_factory=dict)
    spread: dict[str, tuple[float, float]] = field(default_factory=dict)
    details: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the JSON-ready object, numbers with four significant digits."""
        found: dict[str, Any] = _tidy(dataclasses.asdict(self))
        return found


@dataclass
class Rounds:
    """The figures of every side, round by round."""

    values: dict[str, list[float]] = field(default_factory=dict)

    def add(self, name: str, value: float) -> None:
        """Keep one round's figure."""
        self.values.setdefault(name, []).append(value)

    def figure(self, name: str) -> Figure:
        """Return one side's median and spread."""
        return figure(self.values[name])

    def median(self, name: str) -> float:
        """Return one side's median."""
        return self.figure(name).median

    def peers(self, *names: str) -> dict[str, float]:
        """Return these sides' medians by name."""
        return {name: self.median(name) for name in names}

    def spread(self) -> dict[str, tuple[float, float]]:
        """Return the least and the most of every side."""
        found = {name: self.figure(name) for name in self.values}
        return {name: (one.least, one.most) for name, one in found.items()}


def read(path: Path) -> dict[str, Any]:
    """Return what an earlier run wrote; nothing, if there was none."""
    if not path.exists():
        return {"rows": []}
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def merge(
    earlier: Mapping[str, Any],
    new: Sequence[Result],
    *,
    about: Mapping[str, Any],
    order: Sequence[str],
) -> dict[str, Any]:
    """Return the earlier rows with the new ones in their places, in the order of the table."""
    rows = {row[ORDER_KEY]: row for row in earlier["rows"]}
    rows |= {result.row: result.to_json() for result in new}
    names = [*order, *(name for name in rows if name not in order)]
    return {"about": dict(about), "rows": [rows[name] for name in names if name in rows]}


def write(path: Path, content: Mapping[str, Any]) -> None:
    """Write the file, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps(content, indent=2, allow_nan=False) + "\n")
    draft.replace(path)


def _tidy(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.4g}") if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _tidy(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_tidy(item) for item in value]
    return value
