"""How sagas are offered, the same on every side: many in one go, or one at a time.

What starts together is committed together on every side that can: a batch of completed rides has
arrived, and each needs its saga.
"""

from __future__ import annotations

import time
from argparse import ArgumentParser
from collections.abc import Callable, Sequence
from uuid import UUID, uuid4

AT_ONCE = 100
LOOK_SECONDS = 0.01
PAUSE_SECONDS = 0.05
PATIENCE_SECONDS = 30.0

Start = Callable[[Sequence[UUID]], None]


def add_arguments(parser: ArgumentParser) -> None:
    """Take how many, and how."""
    parser.add_argument("--sagas", type=int, required=True)
    parser.add_argument("--one-at-a-time", action="store_true", help="wait for each one's end")


def offer(
    *, start: Start, has_ended: Callable[[UUID], bool], sagas: int, one_at_a_time: bool
) -> None:
    """Start as many sagas; `one_at_a_time` waits until each has ended, and a moment longer."""
    keys = [uuid4() for _ in range(sagas)]
    if not one_at_a_time:
        for first in range(0, sagas, AT_ONCE):
            start(keys[first : first + AT_ONCE])
        return
    for key in keys:
        start([key])
        _wait(key, has_ended)
        time.sleep(PAUSE_SECONDS)


def _wait(key: UUID, has_ended: Callable[[UUID], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not has_ended(key):
        if time.monotonic() > deadline:
            raise RuntimeError(f"a saga has not ended within {PATIENCE_SECONDS:g} s")
        time.sleep(LOOK_SECONDS)
