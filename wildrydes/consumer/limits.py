"""Time limits: a handler that does not end is ended, and its message fails like any other.

Guarantee: in a worker's main thread a handler that runs Python code or waits is interrupted at
its limit. One that cannot be interrupted costs its worker (see `heartbeat`).
Does not guarantee: a limit in other threads, where signals do not arrive.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from types import FrameType

from wildrydes.errors import TimeLimitExceededError


@contextmanager
def time_limit(limit: timedelta) -> Iterator[None]:
    """Raise `TimeLimitExceededError` inside the block when it takes longer than `limit`."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(signum: int, frame: FrameType | None) -> None:
        raise TimeLimitExceededError(f"the handler took longer than {limit.total_seconds():g} s")

    previous = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, limit.total_seconds())
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
