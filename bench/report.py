"""The table in `docs/benchmarks.md`, written anew between two marks."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from config.env import PROJECT_ROOT

PAGE = PROJECT_ROOT / "docs" / "benchmarks.md"
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
HEAD = (
    "| Row | Unit | Ours | Peers | Floor | Ratios | Goal | Met | Rounds | Commit |\n"
    "| --- | --- | ---: | --- | ---: | --- | --- | --- | ---: | --- |"
)


def write(page: Path, content: Mapping[str, Any]) -> None:
    """Replace what stands between the marks. Raises `ValueError` when they are not there."""
    text = page.read_text()
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{page} lacks {BEGIN} or {END}")
    page.write_text(f"{before}{BEGIN}\n{render(content)}\n{END}{after}")


def render(content: Mapping[str, Any]) -> str:
    """Return the run, the table, and what has no column in it, as Markdown."""
    about = content["about"]
    versions = ", ".join(f"{name} {number}" for name, number in about["versions"].items())
    return "\n".join(
        [
            f"{about['machine']}; {about['system']}; commit {about['commit']}; {about['date']};",
            f"`{about['command']}`. {versions}.",
            "",
            HEAD,
            *(_line(row) for row in content["rows"]),
            "",
            *(line for row in content["rows"] for line in _details(row)),
        ]
    )


def _line(row: Mapping[str, Any]) -> str:
    spread = row["spread"]
    peers = [f"{name} {number(value)}{_of(spread, name)}" for name, value in row["peers"].items()]
    ratios = [f"{number(value)}x {name}" for name, value in row["ratios"].items()]
    met = {True: "yes", False: "**no**", None: "stated"}[row["met"]]
    cells = [
        *(row["row"], row["unit"], f"{number(row['ours'])}{_of(spread, 'ours')}"),
        *("<br>".join(peers), number(row["floor"]), "<br>".join(ratios), row["goal"], met),
        *(str(row["details"].get("rounds", "")), row["details"].get("commit", "")),
    ]
    return f"| {' | '.join(cells)} |"


def _details(row: Mapping[str, Any]) -> list[str]:
    told = {key: value for key, value in row["details"].items() if key not in ("rounds", "commit")}
    lines = [f"- {key.replace('_', ' ')}: {_told(value)}" for key, value in told.items()]
    return [f"### {row['row']}", "", *lines, ""]


def _told(value: Any) -> str:
    if isinstance(value, Mapping):
        return "; ".join(f"{key} {_told(item)}" for key, item in value.items())
    if isinstance(value, list):
        return ", ".join(_told(item) for item in value)
    return number(value) if isinstance(value, (int, float)) else str(value)


def number(value: float | None) -> str:
    """Return a number as a person reads it."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:,.3g}"


def _of(spread: Mapping[str, Any], name: str) -> str:
    if name not in spread:
        return ""
    least, most = spread[name]
    return "" if least == most else f" ({number(least)}–{number(most)})"
