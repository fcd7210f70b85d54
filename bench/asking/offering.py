"""How requests are offered, the same on every side: as fast as it goes, or one at a time."""

from __future__ import annotations

import time
from argparse import ArgumentParser
from collections.abc import Callable
from functools import partial
from uuid import UUID

LOOK_SECONDS = 0.01
PAUSE_SECONDS = 0.05
PATIENCE_SECONDS = 30.0


def add_arguments(parser: ArgumentParser) -> None:
    """Take how many, and how."""
    parser.add_argument("--requests", type=int, required=True)
    parser.add_argument("--one-at-a-time", action="store_true", help="wait for each one's end")


def offer(
    *,
    ask: Callable[[], UUID],
    is_closed: Callable[[UUID], bool],
    requests: int,
    one_at_a_time: bool,
) -> None:
    """Make as many requests; `one_at_a_time` waits until each is closed, and a moment longer."""
    for _ in range(requests):
        asked = ask()
        if one_at_a_time:
            _wait(partial(is_closed, asked))
            time.sleep(PAUSE_SECONDS)


def _wait(is_over: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_over():
        if time.monotonic() > deadline:
            raise RuntimeError(f"a request was not closed within {PATIENCE_SECONDS:g} s")
        time.sleep(LOOK_SECONDS)
