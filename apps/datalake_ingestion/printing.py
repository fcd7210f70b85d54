"""Rows as people and programs read them: a table, CSV, JSON."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import orjson

from apps.datalake_ingestion.asking import Answer

FORMATS = ("table", "csv", "json")
NOTHING = "–"


def printed(answer: Answer, *, form: str) -> str:
    """Return an answer in one of the `FORMATS`, with a line's end."""
    if form == "json":
        return f"{as_json(answer.as_dicts())}\n"
    if form == "csv":
        return _as_csv(answer)
    return _aligned(answer.columns, answer.rows)


def as_json(value: Any) -> str:
    """Return JSON; a decimal is text, as everywhere, and a moment is ISO 8601."""
    return orjson.dumps(value, default=_plain, option=orjson.OPT_NON_STR_KEYS).decode()


def as_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return rows of equal keys as an aligned table; nothing for no rows."""
    return _aligned(tuple(rows[0]), [tuple(row.values()) for row in rows]) if rows else ""


def _plain(value: Any) -> Any:
    if isinstance(value, (bytes, memoryview)):
        return bytes(value).hex()
    return str(value)


def _as_csv(answer: Answer) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(answer.columns)
    writer.writerows(answer.rows)
    return text.getvalue()


def _aligned(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    texts = [[NOTHING if value is None else str(value) for value in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(columns, *texts, strict=True)]
    numbers = [
        bool(rows)
        and all(isinstance(row[index], (int, float, Decimal, type(None))) for row in rows)
        for index in range(len(columns))
    ]
    lines = [columns, ["-" * width for width in widths], *texts]
    return "".join(_line(line, widths, numbers) for line in lines)


def _line(cells: Sequence[str], widths: Sequence[int], numbers: Sequence[bool]) -> str:
    padded = [
        cell.rjust(width) if is_number else cell.ljust(width)
        for cell, width, is_number in zip(cells, widths, numbers, strict=True)
    ]
    return f"{'  '.join(padded).rstrip()}\n"
