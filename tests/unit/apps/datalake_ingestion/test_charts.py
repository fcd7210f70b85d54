"""Charts: numbers as columns, readable without seeing them, and never markup from the lake."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import pytest

from apps.datalake_ingestion.charts import NOTHING, Chart, Series, draw

SVG = "{http://www.w3.org/2000/svg}"


def drawn(**changes: Any) -> ElementTree.Element:
    chart: dict[str, Any] = {
        "title": "Rides",
        "labels": ("Mon", "Tue"),
        "series": (Series(name="rides", values=(3.0, 6.0)),),
    }
    return ElementTree.fromstring(draw(Chart(**chart | changes)))


def columns(picture: ElementTree.Element) -> list[ElementTree.Element]:
    return [found for found in picture.iter(f"{SVG}rect") if found.find(f"{SVG}title") is not None]


def texts(picture: ElementTree.Element) -> list[str]:
    return [found.text or "" for found in picture.iter(f"{SVG}text")]


def test_columns_are_as_high_as_their_numbers_and_say_them() -> None:
    low, high = columns(drawn())

    assert float(high.attrib["height"]) == pytest.approx(2 * float(low.attrib["height"]))
    assert low.findtext(f"{SVG}title") == "Mon, rides: 3"


def test_the_scale_ends_at_a_round_number_above_the_highest() -> None:
    assert [text for text in texts(drawn()) if text.isdigit()] == ["0", "2", "4", "6", "8"]


def test_stacked_columns_stand_on_each_other_and_others_side_by_side() -> None:
    series = (Series(name="a", values=(1.0,)), Series(name="b", values=(2.0,)))
    first, second = columns(drawn(labels=("x",), series=series, stacked=True))
    left, right = columns(drawn(labels=("x",), series=series))

    assert first.attrib["x"] == second.attrib["x"]
    top = float(second.attrib["y"]) + float(second.attrib["height"])
    assert top == pytest.approx(float(first.attrib["y"]), abs=0.2)
    assert float(left.attrib["x"]) < float(right.attrib["x"])


def test_the_picture_is_told_in_words() -> None:
    assert drawn().attrib["aria-label"] == "Rides, Mon to Tue, in all: rides 9"


def test_without_rows_it_says_so() -> None:
    picture = drawn(labels=(), series=(Series(name="rides", values=()),))

    assert NOTHING in texts(picture)
    assert columns(picture) == []


def test_numbers_that_are_all_nothing_have_a_scale() -> None:
    assert len(columns(drawn(series=(Series(name="rides", values=(0.0, 0.0)),)))) == 2


def test_what_comes_from_the_lake_is_text() -> None:
    picture = drawn(labels=("<script>alert(1)</script>", '"&'), title="<b>")

    assert picture.find(f".//{SVG}script") is None
    assert "<script>alert(1)</script>" in texts(picture)


def test_of_many_labels_some_are_left_out_and_no_column() -> None:
    days = tuple(f"2026-03-{day:02}" for day in range(1, 32))
    picture = drawn(labels=days, series=(Series(name="rides", values=(1.0,) * 31),))

    assert len(columns(picture)) == 31
    assert len([text for text in texts(picture) if text.startswith("2026")]) < 10


def test_more_series_than_colours_are_refused() -> None:
    series = tuple(Series(name=str(n), values=(1.0, 1.0)) for n in range(5))

    with pytest.raises(ValueError, match="at most 4"):
        drawn(series=series)
