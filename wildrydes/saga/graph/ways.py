"""The lines between the boxes: which there are, and which of them the saga has gone."""

from __future__ import annotations

from collections.abc import Iterator

from wildrydes.saga.graph.layout import Column, Layout
from wildrydes.saga.graph.outline import Outline, undone

END_RADIUS = 11.0
BEND = 9.0
BESIDE = 12.0


def lines(outline: Outline, layout: Layout) -> Iterator[str]:
    """Yield every line, those that were gone last, so that they lie on top."""
    parts = [*_forward(outline, layout), *_back(outline, layout)]
    yield from _links(layout)
    for gone in (False, True):
        yield from (text for was_gone, text in parts if was_gone is gone)


def _forward(outline: Outline, layout: Layout) -> Iterator[tuple[bool, str]]:
    x = layout.left + END_RADIUS
    done = outline.status == "completed"
    for number, column in enumerate(layout.columns):
        gone = done or number <= outline.furthest
        yield gone, _arrow(x, column.frame.x, layout.forward, gone=gone)
        x = column.frame.right
    yield done, _arrow(x, layout.right - END_RADIUS, layout.forward, gone=done)


def _back(outline: Outline, layout: Layout) -> Iterator[tuple[bool, str]]:
    """Yield the way back: where it was gone from the turn on, else from the last compensation."""
    turn = outline.furthest if outline.is_turned else -1
    first = max((i for i, column in enumerate(layout.columns) if column.undos), default=-1)
    reached = _reached(outline)
    if turn >= 0:
        yield from _turn(outline, layout, turn)
        turn -= not undone(outline.stages[turn])
    for number in range(max(first, turn), -1, -1):
        if layout.columns[number].undo_frame is not None or number < max(first, turn):
            yield from _leg(layout, number, gone=reached < number <= turn)


def _reached(outline: Outline) -> int:
    """Return the number of the stage where the way back has arrived; -1 at its end."""
    if outline.status == "compensated":
        return -1
    begun = [number for number, stage in enumerate(outline.stages) if undone(stage)]
    return min(begun, default=len(outline.stages))


def _leg(layout: Layout, number: int, *, gone: bool) -> Iterator[tuple[bool, str]]:
    """Yield the line from a stage's compensation to the one before it, or past a stage with none"""
    column = layout.columns[number]
    start = column.undo_frame.x if column.undo_frame else column.frame.right
    end = layout.left + END_RADIUS
    if number > 0:
        before = layout.columns[number - 1]
        end = before.undo_frame.right if before.undo_frame else before.frame.right
    aims = number == 0 or layout.columns[number - 1].undo_frame is not None
    tone = "sg-compensated"
    yield gone, _arrow(start, end, layout.back, gone=gone, tone=tone, head=aims)


def _turn(outline: Outline, layout: Layout, turn: int) -> Iterator[tuple[bool, str]]:
    """Yield the line that leaves the way forward: into the stage's own compensation, or past it."""
    column = layout.columns[turn]
    x, top = column.frame.centre[0], column.frame.bottom
    if undone(outline.stages[turn]) and column.undo_frame is not None:
        end = column.undo_frame.y
        path = f"M{x:g} {top:g} V{end - 7:g}"
        yield True, _way(path, gone=True, tone="sg-compensated")
        yield True, _head(x, end, "down", gone=True, tone="sg-compensated")
        return
    yield from _past(outline, layout, column, turn)


def _past(
    outline: Outline, layout: Layout, column: Column, turn: int
) -> Iterator[tuple[bool, str]]:
    before = layout.columns[turn - 1].undo_frame if turn > 0 else None
    goal = before.right if before else layout.left + END_RADIUS
    if turn > 0 and before is None:
        goal = layout.columns[turn - 1].frame.right
    x, top = column.frame.centre[0], column.frame.bottom
    gap = column.frame.x - BESIDE
    level = (column.undo_frame.y if column.undo_frame else layout.back) - 26
    path = (
        f"M{x:g} {top:g} V{level - BEND:g} Q{x:g} {level:g} {x - BEND:g} {level:g} "
        f"H{gap + BEND:g} Q{gap:g} {level:g} {gap:g} {level + BEND:g} "
        f"V{layout.back - BEND:g} Q{gap:g} {layout.back:g} {gap - BEND:g} {layout.back:g} "
        f"H{goal + 7 if before or turn == 0 else goal:g}"
    )
    gone = _reached(outline) < turn
    yield gone, _way(path, gone=gone, tone="sg-compensated")
    if before or turn == 0:
        yield gone, _head(goal, layout.back, "left", gone=gone, tone="sg-compensated")


def _links(layout: Layout) -> Iterator[str]:
    """Yield a fine line from each stage to its compensation."""
    for column in layout.columns:
        if column.undo_frame is not None:
            x, top = column.frame.centre[0], column.frame.bottom
            yield (
                f'<path class="sg-link" fill="none" d="M{x:g} {top + 6:g} '
                f'V{column.undo_frame.y - 4:g}"/>'
            )


def _arrow(
    start: float, end: float, y: float, *, gone: bool, tone: str = "", head: bool = True
) -> str:
    """Return a level line with its head at `end`, whichever side that is."""
    side = "right" if end > start else "left"
    tip = end + (-7 if side == "right" else 7) if head else end
    line = _way(f"M{start:g} {y:g} H{tip:g}", gone=gone, tone=tone)
    return line + (_head(end, y, side, gone=gone, tone=tone) if head else "")


def _way(path: str, *, gone: bool, tone: str = "") -> str:
    return f'<path class="{_classes("sg-way", gone, tone)}" d="{path}"/>'


def _head(x: float, y: float, side: str, *, gone: bool, tone: str = "") -> str:
    turns = {"right": 0, "down": 90, "left": 180}
    return (
        f'<path class="{_classes("sg-head", gone, tone)}" '
        f'transform="translate({x:g} {y:g}) rotate({turns[side]})" d="M0 0 L-9 -5 V5 Z"/>'
    )


def _classes(name: str, gone: bool, tone: str) -> str:
    return " ".join(filter(None, (name, "sg-gone" if gone else "", tone)))
