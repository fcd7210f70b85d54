"""Burst: prebookings as fast as they are accepted, while processing is held to a rate of its own.

Everything as `make up` has it. First a modest open load with nothing waiting, then the burst, then
the same modest load again while the burst still waits: what is accepted must not wait behind what
was. Redis is watched from the first request of the burst on.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench.figures import percentile, ratio
from bench.ground import run
from bench.load.generators import Report, closed_loop, open_loop
from bench.load.requests import Target
from bench.results import Result, Rounds
from bench.rows.context import Bench
from bench.running import Running, running
from bench.sides import LIVE
from bench.watch import redis_memory

QUEUE = "ride_prebooking.processing"
PER_SECOND = 200
AT_MOST_TIMES, AT_MOST_MIB, GROWTH = 1.5, 64.0, 1.25
MS = 1e3
PATIENCE_SECONDS = 60.0

UNDER_WAY = """
SELECT (SELECT count(*) FROM wildrydes_dispatch)
    + (SELECT count(*) FROM wildrydes_unrouted WHERE due_at <= now())
"""
WAITING = f"""
SELECT coalesce(sum(size), 0) FROM wildrydes_dispatch WHERE queue = '{QUEUE}' AND sent_at IS NULL
"""


@dataclass(frozen=True)
class Burst:
    """What one burst came to. Latencies are in milliseconds, memory in MiB over time."""

    rounds: Rounds
    rate: float
    p99_ms: float
    waiting: tuple[int, int]
    redis: Sequence[float]


def burst(bench: Bench) -> Result:
    """Measure the answers' p99 beside a backlog, against the same without."""
    found = _measured(bench)
    beside, alone = found.rounds.median("ours"), found.rounds.median("without backlog")
    return Result(
        row="burst",
        unit="ms, p99",
        goal=f"accept p99 beside the backlog <= {AT_MOST_TIMES:g}x the same without; it lasts",
        ours=beside,
        peers={"without backlog": alone},
        ratios={"without backlog": ratio(beside, alone)},
        met=beside <= AT_MOST_TIMES * alone and found.waiting[1] > 0,
        spread=found.rounds.spread(),
        details={
            "prebookings_in_the_burst": bench.sizes.burst,
            "accepted_a_second_in_the_burst": found.rate,
            "p99_in_the_burst_ms": found.p99_ms,
            "processed_a_second_at_most": PER_SECOND,
            "requests_a_second_beside": bench.sizes.beside_burst,
            "waiting_at_first_and_last": found.waiting,
        },
    )


def burst_redis(bench: Bench) -> Result:
    """Measure what Redis holds meanwhile."""
    redis = _measured(bench).redis
    first, second = max(redis[: len(redis) // 2]), max(redis[len(redis) // 2 :])
    return Result(
        row="burst-redis",
        unit="MiB, most",
        goal=f"<= {AT_MOST_MIB:g} MiB, flat",
        ours=max(redis),
        met=max(redis) <= AT_MOST_MIB and second <= GROWTH * first,
        details={
            "first_and_second_half_mib": (first, second),
            "before_the_burst_mib": redis[0],
            "prebookings_in_the_burst": bench.sizes.burst,
        },
    )


def _measured(bench: Bench) -> Burst:
    """Return the burst of this run: one for both rows."""
    if bench.burst is None:
        bench.ground.prepare_shipped()
        with running(bench.ground, LIVE) as one:
            one.start_consumers()
            one.start_flower()
            one.start_web()
            bench.burst = _burst(bench, one)
    found: Burst = bench.burst
    return found


def _burst(bench: Bench, one: Running) -> Burst:
    requests = Target(one.port, bench.ground.staff_token).prebookings()
    limit = ["manage.py", "queues", "limit", QUEUE, str(PER_SECOND), "--by", "bench"]
    run(limit, one.environment)
    rounds = Rounds()
    _beside(bench, one, requests)  # warm
    for _ in range(bench.sizes.rounds):
        _wait_until_quiet(one)
        rounds.add("without backlog", _beside(bench, one, requests))
    _wait_until_quiet(one)
    with redis_memory(one) as redis:
        accepted = _send(bench, one, requests)
        first = one.effects.number(WAITING)
        for _ in range(bench.sizes.rounds):
            rounds.add("ours", _beside(bench, one, requests))
        last = one.effects.number(WAITING)
    one.check()
    p99 = MS * percentile(accepted.latencies, 0.99)
    bench.say(f"{accepted.rate:,.0f} a second, p99 {p99:.0f} ms; {first:,} waited, then {last:,}")
    return Burst(rounds, accepted.rate, p99, (first, last), redis)


def _send(bench: Bench, one: Running, requests: Iterator[bytes]) -> Report:
    """Send the burst, a stretch at a time, until so many are accepted."""
    whole = Report()
    while whole.accepted < bench.sizes.burst:
        seconds, connections = bench.sizes.accept_seconds, bench.sizes.connections
        stretch = closed_loop(one.port, requests, seconds=seconds, connections=connections)
        _refuse_refusals(one, stretch)
        whole.statuses += stretch.statuses
        whole.seconds += stretch.seconds
        whole.latencies += stretch.latencies
    return whole


def _beside(bench: Bench, one: Running, requests: Iterator[bytes]) -> float:
    rate, seconds = bench.sizes.beside_burst, bench.sizes.beside_seconds
    report = open_loop(one.port, requests, rate=rate, seconds=seconds)
    _refuse_refusals(one, report)
    p99 = MS * percentile(report.latencies, 0.99)
    bench.say(f"p99 {p99:.1f} ms at {rate:g} a second")
    return p99


def _refuse_refusals(one: Running, report: Report) -> None:
    if set(report.statuses) != {202}:
        raise RuntimeError(f"ours answered {dict(report.statuses)}:\n{one.log('web')}")


def _wait_until_quiet(one: Running) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while one.effects.number(UNDER_WAY):
        one.check()
        if time.monotonic() > deadline:
            raise RuntimeError(f"still at work after {PATIENCE_SECONDS:g} s")
        time.sleep(0.1)
