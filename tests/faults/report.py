"""What a run of the matrix has shown: rows, as a table, as JSON, as a page of the docs."""

from __future__ import annotations

import importlib.metadata
import json
import math
import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.machine import commit
from tests.faults.audit import Findings

HEADINGS = ("fault", "runs", "events", "lost", "doubled", "out of order", "p50 s", "p99 s")
PACKAGES = ("Django", "djangorestframework", "celery", "kombu", "redis", "psycopg", "granian")
GIB = 1024**3


@dataclass
class Row:
    """One fault and what came of it. A control has to lose or double; everything else must not.

    `overshoots` are the seconds after their deadlines at which requests for quotes were closed,
    `last` the subscription that took the longest recovery to its end, `sagas` and `prebookings` how
    many ended in which way.
    """

    fault: str
    runs: int
    findings: Findings
    recoveries: Sequence[float] = ()
    overshoots: Sequence[float] = ()
    sagas: Mapping[str, int] = field(default_factory=dict)
    prebookings: Mapping[str, int] = field(default_factory=dict)
    must_lose: bool = False
    must_double: bool = False
    must_disorder: bool = False
    notes: list[str] = field(default_factory=list)
    last: str = ""

    @property
    def events(self) -> int:
        """Return how many events were published."""
        return self.findings.events

    @property
    def lost(self) -> int:
        """Return how many effects, receipts or accepted rides are missing."""
        return self.findings.lost.total()

    @property
    def doubled(self) -> int:
        """Return how many effects are there once too often."""
        return self.findings.doubled.total()

    @property
    def disordered(self) -> int:
        """Return how many effects did not follow the one before them in their group."""
        return self.findings.disordered.total()

    @property
    def p50(self) -> float:
        """Return the median time of recovery, in seconds."""
        return _percentile(self.recoveries, 0.50)

    @property
    def p99(self) -> float:
        """Return the 99th percentile of the time of recovery, in seconds."""
        return _percentile(self.recoveries, 0.99)

    @property
    def is_control(self) -> bool:
        """Say whether this row is there to show that the harness can see a loss."""
        return self.must_lose or self.must_double or self.must_disorder

    @property
    def good(self) -> bool:
        """Say whether the row is as it has to be."""
        if self.is_control:
            shown = (self.lost > 0, self.doubled > 0, self.disordered > 0)
            musts = (self.must_lose, self.must_double, self.must_disorder)
            return all(seen or not must for seen, must in zip(shown, musts, strict=True))
        return self.runs > 0 and self.findings.good

    @property
    def complaints(self) -> list[str]:
        """Return what is wrong, as sentences."""
        if self.is_control:
            return [] if self.good else [f"the control {self.fault!r} shows nothing"]
        counts = {
            "lost": self.findings.lost,
            "doubled": self.findings.doubled,
            "out of order": self.findings.disordered,
        }
        counted = [
            f"{kind}: {count} of {what}"
            for kind, found in counts.items()
            for what, count in (+found).items()
        ]
        never = [] if self.runs else ["it was never injected"]
        return [*self.findings.broken, *counted, *never]

    def as_json(self) -> dict[str, Any]:
        """Return the row for `faults.json`."""
        return {
            "fault": self.fault,
            "runs": self.runs,
            "events": self.events,
            "lost": self.lost,
            "doubled": self.doubled,
            "disordered": self.disordered,
            "recovery_p50_s": round(self.p50, 3),
            "recovery_p99_s": round(self.p99, 3),
        }


def table(rows: Sequence[Row]) -> str:
    """Return the rows as a table of Markdown, padded so that it reads well as text."""
    cells = [HEADINGS, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(HEADINGS))]
    lines = [_line(line, widths) for line in cells]
    rule = "| " + " | ".join(
        "-" * width if column == 0 else "-" * (width - 1) + ":"
        for column, width in enumerate(widths)
    )
    return "\n".join([lines[0], f"{rule} |", *lines[1:]])


def write_json(rows: Sequence[Row], path: Path) -> None:
    """Write one object a row."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([row.as_json() for row in rows], indent=2) + "\n")


@dataclass(frozen=True)
class Run:
    """What the page says about the run: how it was called, how long it took, on what servers."""

    command: str
    seconds: float
    servers: str
    notes: Sequence[str]


def write_page(rows: Sequence[Row], path: Path, run: Run) -> None:
    """Write the page that shows the table: what was run, when, where, and what came of it."""
    values = {
        "command": run.command,
        "date": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "commit": commit(),
        "minutes": f"{run.seconds / 60:.0f}",
        "machine": _machine(),
        "versions": ", ".join([run.servers, *_versions()]),
        "table": table(rows),
        "goals": "\n".join(f"- {note}" for note in run.notes) or "- none measured",
    }
    page = Path(__file__).with_name("page.md").read_text()
    for name, value in values.items():
        page = page.replace("{" + name + "}", value)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page)


def _cells(row: Row) -> tuple[str, ...]:
    numbers = (row.runs, row.events, row.lost, row.doubled, row.disordered)
    times = (f"{row.p50:.2f}", f"{row.p99:.2f}") if row.recoveries else ("", "")
    return (row.fault, *(str(number) for number in numbers), *times)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = [
        cell.ljust(width) if column == 0 else cell.rjust(width)
        for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
    return "| " + " | ".join(padded) + " |"


def _percentile(values: Sequence[float], share: float) -> float:
    """Return the nearest-rank percentile; 0 of nothing."""
    if not values:
        return 0.0
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def _machine() -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / GIB
    return f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, {memory:.0f} GiB"


def _versions() -> Iterator[str]:
    yield f"Python {platform.python_version()}"
    for package in PACKAGES:
        yield f"{package} {importlib.metadata.version(package)}"
