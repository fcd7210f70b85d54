"""How long to wait before a process that ended is started again."""

from __future__ import annotations

DELAYS_SECONDS = (0.0, 0.5, 1.0, 2.0, 5.0, 10.0)
STEADY_SECONDS = 30.0


def next_delay(failures: int) -> float:
    """Return the seconds to wait after the given number of ends in a row, the first being 1."""
    return DELAYS_SECONDS[min(failures, len(DELAYS_SECONDS)) - 1]


def count_failure(failures: int, *, lived_seconds: float) -> int:
    """Return the number of ends in a row; a process that lived long enough starts a new row."""
    return 1 if lived_seconds >= STEADY_SECONDS else failures + 1
