"""Two ways to load a server: as fast as it answers, and as fast as the world sends.

In the open loop requests are due at random moments of a fixed rate, whatever the server does, and
latency counts from the moment that a request was due. A server that stalls cannot slow its own
load down (no coordinated omission).
"""

from __future__ import annotations

import random
import time
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from bench.load.connections import Answer, Pool

SEED = 5
ANSWER_SECONDS = 30.0


@dataclass
class Report:
    """What was answered. `latencies` are in seconds, of accepted requests only.

    `overrun` is how long after the end of the load the last answer came, in seconds.
    """

    seconds: float = 0.0
    overrun: float = 0.0
    sent: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    refused_politely: int = 0
    latencies: list[float] = field(default_factory=list)

    @property
    def accepted(self) -> int:
        """Return how many were answered with 2xx."""
        return sum(count for status, count in self.statuses.items() if 200 <= status < 300)

    @property
    def rate(self) -> float:
        """Return accepted requests a second."""
        return self.accepted / self.seconds if self.seconds else 0.0

    def add(self, answer: Answer, *, latency: float) -> None:
        """Count one answer."""
        self.statuses[answer.status] += 1
        if 200 <= answer.status < 300:
            self.latencies.append(latency)
        elif answer.status in (429, 503) and answer.says_retry_after:
            self.refused_politely += 1


def closed_loop(
    port: int, requests: Iterator[bytes], *, seconds: float, connections: int
) -> Report:
    """Keep every connection busy for so long; what is still on its way then is not counted."""
    pool, report = Pool(port, size=connections), Report()
    try:
        started = time.perf_counter()
        for connection in pool.connections:
            connection.send(next(requests), due_at=time.perf_counter())
            report.sent += 1
        while (now := time.perf_counter()) < started + seconds:
            for connection, answer in pool.answers(seconds=started + seconds - now):
                now = time.perf_counter()
                report.add(answer, latency=now - connection.sent_for)
                connection.send(next(requests), due_at=now)
                report.sent += 1
        report.seconds = time.perf_counter() - started
    finally:
        pool.close()
    return report


def open_loop(
    port: int, requests: Iterator[bytes], *, rate: float, seconds: float, connections: int = 64
) -> Report:
    """Send at random moments, `rate` a second on average; wait for every answer.

    A request that finds every connection busy waits for one, and that counts as its latency.
    """
    pool, report = Pool(port, size=connections), Report()
    idle, due = list(pool.connections), deque[float]()
    try:
        started = time.perf_counter()
        arrivals = _arrivals(started, rate=rate, seconds=seconds)
        upcoming = next(arrivals, None)
        while upcoming is not None or due or len(idle) < connections:
            now = time.perf_counter()
            if now > started + seconds + ANSWER_SECONDS:
                report.statuses[0] += len(due) + connections - len(idle)
                break
            while upcoming is not None and upcoming <= now:
                due.append(upcoming)
                upcoming = next(arrivals, None)
            while due and idle:
                idle.pop().send(next(requests), due_at=due.popleft())
                report.sent += 1
            patience = 0.1 if upcoming is None else upcoming - time.perf_counter()
            for connection, answer in pool.answers(seconds=patience):
                report.add(answer, latency=time.perf_counter() - connection.sent_for)
                idle.append(connection)
        report.seconds = seconds
        report.overrun = max(0.0, time.perf_counter() - started - seconds)
    finally:
        pool.close()
    return report


def _arrivals(started: float, *, rate: float, seconds: float) -> Iterator[float]:
    """Yield the moments of a Poisson process, the same ones for every side."""
    chance, moment = random.Random(SEED), started
    while (moment := moment + chance.expovariate(rate)) < started + seconds:
        yield moment
