"""What a relay does now and then, beside relaying: work that only has to be done in time."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import structlog

from wildrydes import wire

log = structlog.get_logger(__name__)


@dataclass
class Chore:
    """A function that any number of relays may call, and how often each of them does."""

    run: Callable[[], object]
    every: timedelta
    _due_at: float = field(default=float("-inf"), init=False)

    def run_if_due(self, *, outages: tuple[type[BaseException], ...]) -> None:
        """Run it when its time has come. Its own failures are logged; `outages` are raised."""
        now = time.monotonic()
        if now < self._due_at:
            return
        self._due_at = now + self.every.total_seconds()
        try:
            self.run()
        except outages:
            raise
        except Exception:
            log.exception("chore_failed", chore=self.run.__qualname__)


def run_due(chores: Sequence[Chore], *, outages: tuple[type[BaseException], ...]) -> None:
    """Run every chore whose time has come."""
    for chore in chores:
        chore.run_if_due(outages=(*outages, *wire.WIRE_ERRORS))
