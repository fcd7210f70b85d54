"""Columns over a scale, as SVG: numbers in, text out; no script, no file.

Guarantee: every text is escaped; each column says in words what it shows; the same numbers give the
same picture. It takes the colours of the page, by day and by night.
Does not guarantee: that every label has room; of many, some are left out.
"""

from __future__ import annotations

import html
import math
from collections.abc import Iterator
from dataclasses import dataclass

WIDTH, HEIGHT = 720.0, 240.0
LEFT, RIGHT, TOP, BOTTOM = 64.0, 12.0, 40.0, 28.0
LINES = 4
LABEL_PIXELS = 84.0
WIDEST = 48.0
NOTHING = "Nothing yet"
SERIES_AT_MOST = 4

STYLE = """<style>
.lc{--lc-ink:#0f172a;--lc-soft:#5b677a;--lc-line:#dbe1ea;
--lc-0:#2563eb;--lc-1:#b45309;--lc-2:#0f766e;--lc-3:#be185d}
.dark .lc{--lc-ink:#f1f5f9;--lc-soft:#a3b0c2;--lc-line:#334155;
--lc-0:#60a5fa;--lc-1:#fbbf24;--lc-2:#2dd4bf;--lc-3:#f472b6}
.lc{font-family:ui-sans-serif,system-ui,-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif}
.lc text{fill:var(--lc-soft);font-size:11px}.lc .lc-title{fill:var(--lc-ink);font-size:14px;
font-weight:600}.lc .lc-end{text-anchor:end}.lc .lc-middle{text-anchor:middle}
.lc line{stroke:var(--lc-line);stroke-width:1}
.lc .lc-0{fill:var(--lc-0)}.lc .lc-1{fill:var(--lc-1)}.lc .lc-2{fill:var(--lc-2)}
.lc .lc-3{fill:var(--lc-3)}
</style>"""


@dataclass(frozen=True, kw_only=True)
class Series:
    """One number for each label of the chart, none of them below zero."""

    name: str
    values: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Chart:
    """What is shown: series beside each other, or on top of each other."""

    title: str
    labels: tuple[str, ...]
    series: tuple[Series, ...]
    stacked: bool = False

    @property
    def highest(self) -> float:
        """Return the height of the highest column."""
        columns = zip(*(series.values for series in self.series), strict=True)
        gather = sum if self.stacked else max
        return max((gather(column) for column in columns), default=0.0)


def draw(chart: Chart) -> str:
    """Return the chart as one SVG element. Raises `ValueError` for more series than colours."""
    if len(chart.series) > SERIES_AT_MOST:
        raise ValueError(f"a chart has at most {SERIES_AT_MOST} series")
    top = _round_up(chart.highest)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="lc" viewBox="0 0 {WIDTH:g} {HEIGHT:g}" '
        f'role="img" aria-label="{_escaped(_told(chart))}">',
        STYLE,
        f'<text class="lc-title" x="0" y="16">{_escaped(chart.title)}</text>',
        *_legend(chart),
        *(_scale(top) if chart.labels else _empty()),
        *_columns(chart, top),
        *_labels(chart),
        "</svg>",
    ]
    return "\n".join(parts)


def _legend(chart: Chart) -> Iterator[str]:
    x = WIDTH - RIGHT
    for number, series in reversed(list(enumerate(chart.series))):
        yield f'<text class="lc-end" x="{x:g}" y="16">{_escaped(series.name)}</text>'
        x -= 7.0 * len(series.name) + 14
        yield f'<rect class="lc-{number}" x="{x:g}" y="7" width="10" height="10" rx="2"/>'
        x -= 14


def _scale(top: float) -> Iterator[str]:
    for number in range(LINES + 1):
        value = top * number / LINES
        y = _y(value, top)
        yield f'<line x1="{LEFT:g}" x2="{WIDTH - RIGHT:g}" y1="{y:g}" y2="{y:g}"/>'
        yield f'<text class="lc-end" x="{LEFT - 8:g}" y="{y + 4:g}">{_said(value)}</text>'


def _empty() -> Iterator[str]:
    yield f'<text class="lc-middle" x="{WIDTH / 2:g}" y="{HEIGHT / 2:g}">{NOTHING}</text>'


def _columns(chart: Chart, top: float) -> Iterator[str]:
    step = _step(chart)
    beside = 1 if chart.stacked else len(chart.series)
    width = min(WIDEST, step * 0.7) / max(1, beside)
    for place, label in enumerate(chart.labels):
        middle, below = LEFT + step * (place + 0.5), 0.0
        for number, series in enumerate(chart.series):
            value = series.values[place]
            x = middle - width * beside / 2 + (0 if chart.stacked else number * width)
            y, height = _y(below + value, top), _y(below, top) - _y(below + value, top)
            yield (
                f'<rect class="lc-{number}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" '
                f'height="{height:.1f}"><title>'
                f"{_escaped(f'{label}, {series.name}: {_said(value)}')}</title></rect>"
            )
            below += value if chart.stacked else 0


def _labels(chart: Chart) -> Iterator[str]:
    step = _step(chart)
    every = max(1, math.ceil(LABEL_PIXELS / step))
    for place, label in list(enumerate(chart.labels))[::every]:
        x = LEFT + step * (place + 0.5)
        yield f'<text class="lc-middle" x="{x:.1f}" y="{HEIGHT - 8:g}">{_escaped(label)}</text>'


def _step(chart: Chart) -> float:
    return (WIDTH - LEFT - RIGHT) / max(1, len(chart.labels))


def _y(value: float, top: float) -> float:
    return HEIGHT - BOTTOM - value / top * (HEIGHT - BOTTOM - TOP)


def _round_up(value: float) -> float:
    """Return the least number not below the value that is 1, 2, 4 or 8 and zeros: easily parted."""
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(factor * power for factor in (1, 2, 4, 8, 10) if factor * power >= value)


def _said(value: float) -> str:
    return f"{value:,.2f}".rstrip("0").rstrip(".")


def _told(chart: Chart) -> str:
    """Return the chart in words."""
    if not chart.labels:
        return f"{chart.title}: {NOTHING}"
    sums = "; ".join(f"{series.name} {_said(sum(series.values))}" for series in chart.series)
    return f"{chart.title}, {chart.labels[0]} to {chart.labels[-1]}, in all: {sums}"


def _escaped(text: str) -> str:
    return html.escape(text)
