"""Deadlines: one responder is stopped, so that nothing but its deadline ends a request.

The worker that alone serves one responder's queue is stopped with SIGSTOP; the other fifteen go
on answering. Requests are committed as fast as one process can, so that those whose time is over
are ended while others are asked and answered. A Celery chord has no deadline to compare with.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from bench.asking import closings, names
from bench.asking.closings import Closing
from bench.figures import percentile
from bench.ground import run
from bench.results import Result, Rounds
from bench.rows.context import Bench
from bench.rows.rfqs import MS, ask, command
from bench.running import Running, running
from bench.sides import ONE_APART

AT_MOST_MS = 50.0
WARM_UP = 20
APART = "apart1"


def overshoot(bench: Bench) -> Result:
    """Measure how long after its deadline each request is closed."""
    rounds, ended = Rounds(), list[Closing]()
    with running(bench.ground, ONE_APART) as one:
        one.start_consumers()
        one.start_flower()
        ask(one, requests=WARM_UP)
        with _stopped(one, APART):
            for _ in range(bench.sizes.rounds):
                found = _round(bench, one)
                rounds.add("ours", MS * percentile(_late(found), 0.99))
                ended += found
                bench.say(f"ours: p99 {rounds.values['ours'][-1]:.1f} ms")
    ours, late = rounds.median("ours"), _late(ended)
    answers = [count(closing.answers for closing in ended) for count in (min, max)]
    return Result(
        row="rfq-overshoot",
        unit="ms, p99",
        goal="p99 of closed_at - deadline_at <= 50 ms with a responder stopped",
        ours=ours,
        met=ours <= AT_MOST_MS,
        spread=rounds.spread(),
        details={
            "requests_a_round": bench.sizes.overdue_rfqs,
            "deadline_seconds": bench.sizes.overdue_seconds,
            "p50_ms": MS * percentile(late, 0.5),
            "worst_ms": MS * max(late),
            "answers_in_time": dict(zip(("least", "most"), answers, strict=True)),
        },
    )


def _round(bench: Bench, one: Running) -> list[Closing]:
    requests, deadline = bench.sizes.overdue_rfqs, bench.sizes.overdue_seconds
    expected = closings.count(one) + requests
    options = ["--requests", str(requests), "--deadline", str(deadline)]
    run([*command(one), *options], one.environment)
    closings.wait_for(one, expected)
    found = closings.newest(one, requests)
    if any(closing.answers >= len(names.RESPONDERS) for closing in found):
        raise RuntimeError("the responder that was stopped has answered")
    return found


def _late(found: Sequence[Closing]) -> list[float]:
    return [closing.after_deadline for closing in found]


@contextmanager
def _stopped(one: Running, name: str) -> Iterator[None]:
    pid = one.processes[name].pid
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)
