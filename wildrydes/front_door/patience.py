"""Asking a server that may not answer, for so long and no longer.

Guarantee: whoever asks goes on when the time is up, whatever the server does.
Does not guarantee: that the question is taken back. Its thread waits on, and ends with the
answer; at most `MOST_WAITING` wait at a time.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from django.db import connections

T = TypeVar("T")

MOST_WAITING = 8

_places = threading.BoundedSemaphore(MOST_WAITING)


class Question(threading.Thread, Generic[T]):
    """One question in a thread of its own, with database connections of its own.

    It is asked at once.
    """

    def __init__(self, ask: Callable[[], T]) -> None:
        super().__init__(name=f"asking-{ask.__name__}", daemon=True)
        self._ask = ask
        self._answers: list[T] = []
        self._error: Exception = TimeoutError("no answer in time")
        self.start()

    def run(self) -> None:
        """Ask, unless too many wait already."""
        if not _places.acquire(blocking=False):
            return
        try:
            self._answers.append(self._ask())
        except Exception as error:  # noqa: BLE001 - it is raised where the answer is awaited
            self._error = error
        finally:
            connections.close_all()
            _places.release()

    def answer(self, *, deadline: float) -> T:
        """Return the answer, waiting until `deadline` (of the monotonic clock).

        Raises what the question raised, or `TimeoutError`.
        """
        self.join(max(0.0, deadline - time.monotonic()))
        for answer in self._answers:
            return answer
        raise self._error
