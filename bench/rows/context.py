"""What a row is given, and what most rows do."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from bench.ground import Ground
from bench.running import Running, running
from bench.sides import Side
from bench.sizes import Sizes
from bench.subscribers import DELIVERIES_PER_EVENT
from bench.watch import Cost, watched

LOOK_SECONDS = 5.0
START_SECONDS = 60.0
WARM_UP = 20

T = TypeVar("T")


@dataclass(frozen=True)
class Drained:
    """How a backlog went: deliveries a second, and what those after the first commit cost."""

    rate: float
    deliveries: int
    cost: Cost


@dataclass
class Bench:
    """The servers, how much is asked for, and what one row leaves to another.

    Our sustained and drain rates are 0 until they are known.
    """

    ground: Ground
    sizes: Sizes
    sustained_rate: float = 0.0
    drain_rate: float = 0.0
    burst: Any = None
    drained: dict[str, list[Drained]] = field(default_factory=dict)

    def say(self, text: str) -> None:
        """Tell whoever waits what is going on."""
        print(f"  {text}", file=sys.stderr, flush=True)


def in_turns(items: Sequence[T], *, rounds: int) -> Iterator[tuple[int, T]]:
    """Yield every item once a round, a different one first each time."""
    for number in range(rounds):
        turn = number % len(items)
        for item in (*items[turn:], *items[:turn]):
            yield number, item


def drain(running: Running, *, events: int, workers: int = 2, relays: int = 1) -> Drained:
    """Start the consumers of what is waiting, and wait for its last effect.

    The cost is counted from the first effect on, so that starting up is no part of it. Raises
    `RuntimeError` when effects stop coming, or a process ends.
    """
    running.start_consumers(workers=workers, relays=relays)
    running.effects.wait_for(1, seconds=START_SECONDS)
    with watched(running) as cost:
        before = running.effects.count()
        wait_while_it_goes_on(running, events * DELIVERIES_PER_EVENT)
    deliveries = max(1, running.effects.count() - before)
    return Drained(running.effects.rate(), deliveries, cost)


def wait_while_it_goes_on(running: Running, expected: int, *, patience: float = 30.0) -> None:
    """Wait for so many effects as long as more of them come."""
    seen, moved_at = -1, time.monotonic()
    while not running.effects.wait_for(expected, seconds=LOOK_SECONDS):
        running.check()
        count = running.effects.count()
        if count > seen:
            seen, moved_at = count, time.monotonic()
        elif time.monotonic() > moved_at + patience:
            side = running.side.name
            raise RuntimeError(f"{side}: stuck at {count:,} of {expected:,} effects")


def filled_template(bench: Bench, side: Side, *, events: int, singly: bool = False) -> str:
    """Return a database of our side in which events wait; it is to be dropped by the caller."""
    template = bench.ground.copy(side.template)
    filling = Running(bench.ground, side, database=template)
    filling.fill(events, singly=singly)
    filling.effects.sql.execute("VACUUM (ANALYZE)")
    filling.effects.close()
    return template


@contextmanager
def all_running(bench: Bench, sides: Iterable[Side]) -> Iterator[Mapping[str, Running]]:
    """Yield sides by name, each on a database of its own, with nothing started yet."""
    with ExitStack() as stack:
        yield {side.name: stack.enter_context(running(bench.ground, side)) for side in sides}
