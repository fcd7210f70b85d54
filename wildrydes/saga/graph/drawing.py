"""The picture put together: lanes, boxes, tags, and a text for those who cannot see it."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

from wildrydes.saga.graph import style, ways
from wildrydes.saga.graph.layout import (
    AFTER_TEXT,
    BEFORE_TEXT,
    NAME_PIXELS,
    NOTE_PIXELS,
    WORD_PIXELS,
    Box,
    Column,
    Layout,
    lay_out,
)
from wildrydes.saga.graph.marks import MARKS, WORDS, told
from wildrydes.saga.graph.outline import Node, Outline, State

# What no XML document may hold, escaped or not.
UNFIT = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

TAG_PIXELS = 6.0
BESIDE = 13.0


def draw(outline: Outline, *, standalone: bool = False) -> str:
    """Return the saga as one SVG element.

    It takes the colours of the page it stands in; `standalone` makes it a file of its own, whose
    colours follow the reader's system.
    """
    layout = lay_out(outline)
    size = f"{layout.width:g} {layout.height:g}"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="sg" viewBox="0 0 {size}" '
        f'width="{layout.width:g}" height="{layout.height:g}" role="img" '
        f'aria-label="{_escaped(_told(outline))}">',
        style.sheet(standalone=standalone),
        *_pivot_line(outline, layout),
        *_frames(layout),
        *ways.lines(outline, layout),
        *_ends(outline, layout),
        *(text for column in layout.columns for text in _column(column, layout)),
        "</svg>",
    ]
    return "\n".join(parts)


def _column(column: Column, layout: Layout) -> Iterator[str]:
    for node, box in column.steps:
        yield _box(box, state=node.state, name=node.name, note=node.note, kind="sg-step")
        yield from _tags(node, box)
    for node, box in column.undos:
        if node.undo is not None:
            undo = node.undo
            yield _box(box, state=undo.state, name=undo.label, note=undo.note, kind="sg-undo")
    if column.undo_frame is None:
        yield _nothing_to_undo(column, layout)


def _box(box: Box, *, state: State, name: str, note: str, kind: str) -> str:
    """Return a box with its mark, its name, the state in a word, and the note."""
    x, (_, y) = box.x, box.centre
    room = box.width - BEFORE_TEXT - AFTER_TEXT
    title = f"{name}: {told(state, note)}"
    lines = [("sg-name", _cut(name, room / NAME_PIXELS))]
    if kind == "sg-step":
        lines += [("sg-word", WORDS[state])]
        lines += [("sg-note", _cut(note, room / NOTE_PIXELS))] if note else []
    elif state != "pending":
        lines += [("sg-word", _cut(told(state, note), room / WORD_PIXELS))]
    return (
        f'<g class="{kind} sg-{state}"><title>{_escaped(title)}</title>'
        f"{_rectangle('sg-paper', box, 9)}{_rectangle('sg-tint', box, 9)}"
        f"{_rectangle('sg-alarm', box.grown(5), 13) if state == 'stuck' else ''}"
        f'<g transform="translate({x + 23:g} {y:g})">{MARKS[state]}</g>'
        f"{''.join(_lines(lines, x + BEFORE_TEXT, y))}</g>"
    )


def _lines(lines: list[tuple[str, str]], x: float, middle: float) -> Iterator[str]:
    first = middle - (len(lines) - 1) * 8.5 + 4.5
    for number, (name, text) in enumerate(lines):
        yield f'<text class="{name}" x="{x:g}" y="{first + 17 * number:g}">{_escaped(text)}</text>'


def _tags(node: Node, box: Box) -> Iterator[str]:
    """Yield what is special about a step, as small signs on its upper edge."""
    x = box.x + 8
    for holds, text, strong in (
        (node.pivot, "◆ pivot", True),
        (node.optional, "optional", False),
        (node.turns_back, "↩ if refused", False),
    ):
        if holds:
            width = TAG_PIXELS * len(text) + 12
            tag = _rectangle(
                f"sg-tag{' sg-strong' if strong else ''}", Box(x, box.y - 12, width, 17), 8.5
            )
            yield f'{tag}<text class="sg-tag-text" x="{x + 7:g}" y="{box.y:g}">{text}</text>'
            x += width + 4


def _nothing_to_undo(column: Column, layout: Layout) -> str:
    x = column.frame.centre[0]
    reasons = "; ".join(node.irreversible for node, _ in column.steps if node.irreversible)
    return (
        f"<g><title>{_escaped(reasons or 'nothing to undo')}</title>"
        f'<text class="sg-note sg-middle" x="{x:g}" y="{layout.back - 9:g}">nothing to undo</text>'
        "</g>"
    )


def _frames(layout: Layout) -> Iterator[str]:
    for column in layout.columns:
        if column.is_group:
            yield _rectangle("sg-frame", column.frame, 14)
        if column.undo_frame is not None and len(column.undos) > 1:
            yield _rectangle("sg-frame", column.undo_frame, 14)


def _pivot_line(outline: Outline, layout: Layout) -> Iterator[str]:
    """Yield the line beyond which only forward is allowed, and what it parts."""
    if outline.pivot is None:
        return
    x = layout.columns[outline.pivot].frame.right + BESIDE
    yield f'<path class="sg-pivot" d="M{x:g} 8 V{layout.height - 10:g}"/>'
    yield f'<text class="sg-side sg-before" x="{x - 8:g}" y="18">← may still turn back</text>'
    yield f'<text class="sg-side" x="{x + 8:g}" y="18">only forward →</text>'


def _ends(outline: Outline, layout: Layout) -> Iterator[str]:
    """Yield the beginning and the two ends that a saga can come to by itself."""
    yield _end(layout.left, layout.forward, "started", "running", reached=True, mark="start")
    for x, y, status in (
        (layout.right, layout.forward, "completed"),
        (layout.left, layout.back, "compensated"),
    ):
        if status == "completed" or any(column.undos for column in layout.columns):
            reached = outline.status == status
            yield _end(x, y, status, status, reached=reached, mark="end")


def _end(x: float, y: float, text: str, tone: str, *, reached: bool, mark: str) -> str:
    tone = tone if reached and mark == "end" else "pending"
    inner = '<circle class="sg-solid" r="5"/>' if reached and mark == "end" else ""
    shape = '<circle class="sg-hole" r="10"/><circle class="sg-line" r="10"/>'
    if mark == "start":
        shape = '<circle class="sg-hole" r="10"/><path class="sg-solid" d="M-5 -7 L8 0 L-5 7 Z"/>'
    return (
        f'<g class="sg-{tone}" transform="translate({x:g} {y:g})">{shape}{inner}'
        f'<text class="sg-word sg-middle" y="27">{text}</text></g>'
    )


def _rectangle(name: str, box: Box, radius: float) -> str:
    return (
        f'<rect class="{name}" x="{box.x:g}" y="{box.y:g}" width="{box.width:g}" '
        f'height="{box.height:g}" rx="{radius:g}"/>'
    )


def _told(outline: Outline) -> str:
    """Return the picture in words."""
    steps = []
    for node in (node for stage in outline.stages for node in stage):
        undo = node.undo
        word = WORDS[node.state]
        if undo is not None and undo.state != "pending":
            word += f", {undo.label} {WORDS[undo.state]}"
        steps.append(f"{node.name} {word}")
    return f"{outline.name} is {outline.status}: {'; '.join(steps)}"


def _cut(text: str, characters: float) -> str:
    room = max(0, round(characters))
    return text if len(text) <= room else f"{text[: max(0, room - 1)].rstrip()}…"


def _escaped(text: str) -> str:
    return html.escape(UNFIT.sub("\N{REPLACEMENT CHARACTER}", text))
