"""Named places where a process may be made to die, so that every one of them can be tested.

A process dies at a point when the setting `WILDRYDES["CRASH_AT"]` names it, as the `n`-th time it
is reached: `relay.committed` or `relay.committed:3`. Unarmed, which is always but in the fault
tests, a point costs one comparison.
"""

from __future__ import annotations

import os
from functools import cache
from itertools import count

from wildrydes.conf import kernel_settings

POINTS = (
    "publish.stored",
    "publish.committed",
    "relay.claimed",
    "relay.committed",
    "relay.sent",
    "relay.resending",
    "relay.acknowledging",
    "relay.acknowledged",
    "worker.received",
    "worker.claimed",
    "worker.handled",
    "worker.committed",
    "worker.acknowledged",
    "scatter.recording",
    "scatter.recorded",
    "scatter.closing",
    "scatter.closed",
    "saga.recording",
    "saga.recorded",
    "answer.keeping",
    "answer.kept",
    "outside.before",
    "outside.after",
)
EXIT_STATUS = 137  # as after kill -9

_reached = count(1)


def reach(point: str) -> None:
    """Die here, as by kill -9, if the setting says so."""
    armed, nth = _armed()
    if armed == point and next(_reached) == nth:
        os._exit(EXIT_STATUS)


@cache
def _armed() -> tuple[str, int]:
    point, _, nth = kernel_settings().crash_at.partition(":")
    return point, int(nth or 1)
