"""Where everything stands: forward from left to right, the way back beneath it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from wildrydes.saga.graph.marks import told
from wildrydes.saga.graph.outline import Node, Outline

MARGIN = 8.0
END_WIDTH = 76.0
GAP = 36.0
STEP_HEIGHT = 70.0
UNDO_HEIGHT = 48.0
STACK_GAP = 20.0
FRAME = 14.0
HEAD = 46.0
BETWEEN_LANES = 58.0
FOOT = 30.0
NARROWEST, WIDEST, WIDEST_FOR_NOTES = 160.0, 216.0, 176.0
NAME_PIXELS, NOTE_PIXELS, WORD_PIXELS = 8.1, 6.1, 6.7
BEFORE_TEXT, AFTER_TEXT = 42.0, 8.0


@dataclass(frozen=True)
class Box:
    """A rectangle."""

    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        """Return its right edge."""
        return self.x + self.width

    @property
    def bottom(self) -> float:
        """Return its lower edge."""
        return self.y + self.height

    @property
    def centre(self) -> tuple[float, float]:
        """Return its middle."""
        return self.x + self.width / 2, self.y + self.height / 2

    def grown(self, by: float) -> Box:
        """Return the rectangle with a border around it."""
        return Box(self.x - by, self.y - by, self.width + 2 * by, self.height + 2 * by)


@dataclass(frozen=True)
class Column:
    """One stage: a box for each step, one for each compensation, and what encloses either."""

    steps: tuple[tuple[Node, Box], ...]
    undos: tuple[tuple[Node, Box], ...]
    frame: Box
    undo_frame: Box | None

    @property
    def is_group(self) -> bool:
        """Say whether its steps go on side by side."""
        return len(self.steps) > 1


@dataclass(frozen=True)
class Layout:
    """The whole picture, in pixels. `forward` and `back` are the heights of the two ways."""

    width: float
    height: float
    forward: float
    back: float
    columns: tuple[Column, ...]

    @property
    def left(self) -> float:
        """Return the middle of what stands at the left end."""
        return MARGIN + END_WIDTH / 2

    @property
    def right(self) -> float:
        """Return the middle of what stands at the right end."""
        return self.width - MARGIN - END_WIDTH / 2


def lay_out(outline: Outline) -> Layout:
    """Give everything its place."""
    width = _box_width(outline)
    upper = max((_height(len(stage), STEP_HEIGHT) for stage in outline.stages), default=STEP_HEIGHT)
    lower = max((_height(_undos(stage), UNDO_HEIGHT) for stage in outline.stages), default=0)
    forward = HEAD + upper / 2
    back = HEAD + upper + BETWEEN_LANES + lower / 2
    columns, x = [], MARGIN + END_WIDTH + GAP
    for stage in outline.stages:
        columns.append(_column(stage, x=x, width=width, forward=forward, back=back))
        x = columns[-1].frame.right + GAP
    height = back + lower / 2 + FOOT
    return Layout(x + END_WIDTH + MARGIN, height, forward, back, tuple(columns))


def _column(
    stage: tuple[Node, ...], *, x: float, width: float, forward: float, back: float
) -> Column:
    border = FRAME if len(stage) > 1 else 0.0
    undoable = [node for node in stage if node.undo is not None]
    steps = _stack(stage, Box(x + border, forward, width, STEP_HEIGHT))
    undos = _stack(undoable, Box(x + border, back, width, UNDO_HEIGHT))
    frame = _around([box for _, box in steps]).grown(border)
    return Column(
        steps, undos, frame, _around([box for _, box in undos]).grown(border) if undos else None
    )


def _stack(nodes: Sequence[Node], first: Box) -> tuple[tuple[Node, Box], ...]:
    """Put boxes like `first` under each other, in the middle of the height that `first` names."""
    total = len(nodes) * (first.height + STACK_GAP) - STACK_GAP
    top = first.y - total / 2
    return tuple(
        (node, Box(first.x, top + i * (first.height + STACK_GAP), first.width, first.height))
        for i, node in enumerate(nodes)
    )


def _around(boxes: Sequence[Box]) -> Box:
    first, last = boxes[0], boxes[-1]
    return Box(first.x, first.y, first.width, last.bottom - first.y)


def _undos(stage: tuple[Node, ...]) -> int:
    return sum(node.undo is not None for node in stage)


def _height(count: int, each: float) -> float:
    border = 2 * FRAME if count > 1 else 0.0
    return max(each, count * (each + STACK_GAP) - STACK_GAP + border)


def _box_width(outline: Outline) -> float:
    nodes = [node for stage in outline.stages for node in stage]
    undos = [node.undo for node in nodes if node.undo is not None]
    names = [len(node.name) for node in nodes] + [len(undo.label) for undo in undos]
    notes = [len(node.note) for node in nodes]
    words = [len(told(undo.state, undo.note)) for undo in undos]
    around = BEFORE_TEXT + AFTER_TEXT
    for_names = around + NAME_PIXELS * max(names, default=0)
    for_notes = around + max(
        NOTE_PIXELS * max(notes, default=0), WORD_PIXELS * max(words, default=0)
    )
    return max(NARROWEST, min(WIDEST, for_names), min(WIDEST_FOR_NOTES, for_notes))
