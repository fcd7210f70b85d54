"""What the benchmark keeps, and what it shows."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from bench import report, results
from bench.results import Result, Rounds

ORDER = ("accept", "drain", "scale")
ABOUT = {
    "machine": "two cores",
    "system": "Linux",
    "versions": {"celery": "5.7.0"},
    "commit": "abc",
    "date": "2026-11-21",
    "command": "python -m bench",
}


def result(row: str, *, ours: float = 100.0) -> Result:
    return Result(row=row, unit="a second", goal="fast", ours=ours, met=True)


def merged(earlier: dict[str, Any], *new: Result) -> dict[str, Any]:
    return results.merge(earlier, new, about=ABOUT, order=ORDER)


def test_rows_that_were_not_run_keep_their_result_and_their_place() -> None:
    first = merged({"rows": []}, result("scale", ours=1), result("accept", ours=2))

    second = merged(first, result("drain", ours=3), result("accept", ours=4))

    assert [(row["row"], row["ours"]) for row in second["rows"]] == [
        ("accept", 4),
        ("drain", 3),
        ("scale", 1),
    ]


def test_what_is_written_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "new" / "latest.json"
    content = merged(results.read(path), result("drain", ours=math.nan))

    results.write(path, content)

    assert results.read(path) == content
    assert content["rows"][0]["ours"] is None


def test_rounds_give_medians_and_spread() -> None:
    rounds = Rounds()
    for value in (3.0, 1.0, 2.0):
        rounds.add("ours", value)

    assert rounds.median("ours") == 2.0
    assert rounds.spread() == {"ours": (1.0, 3.0)}


def test_the_page_gets_its_table_between_the_marks(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n")

    report.write(page, merged({"rows": []}, result("drain", ours=12345.0)))

    text = page.read_text()
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "| drain | a second | 12,340 |" in text
    assert "old" not in text


def test_a_page_without_marks_is_left_alone(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("nothing here\n")

    with pytest.raises(ValueError, match="lacks"):
        report.write(page, merged({"rows": []}, result("drain")))
