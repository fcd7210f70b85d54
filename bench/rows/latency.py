"""Latency: from the commit of a ride to the commit of the last of its five effects."""

from __future__ import annotations

from collections import defaultdict

from bench.figures import percentile, ratio
from bench.load.generators import open_loop
from bench.results import Result, Rounds
from bench.rows.context import Bench, all_running, in_turns, wait_while_it_goes_on
from bench.rows.sustained import our_rate, warm_up
from bench.running import Running, running
from bench.sides import CELERY, WILD_RYDES
from bench.subscribers import DELIVERIES_PER_EVENT

IDLE_TIMES, LOAD_TIMES = 1.5, 5.0
MS = 1e3


def idle(bench: Bench) -> Result:
    """Send a ride now and then, to us and to stock Celery."""
    medians, lags = Rounds(), defaultdict[str, list[float]](list)
    sides = (WILD_RYDES, CELERY)
    with all_running(bench, sides) as by_name:
        for one in by_name.values():
            start_everything(one)
        for _, side in in_turns(sides, rounds=bench.sizes.rounds):
            found = idle_lags(by_name[side.name], bench, requests=bench.sizes.idle_requests)
            medians.add(side.name, MS * percentile(found, 0.5))
            lags[side.name] += found
            bench.say(f"{side.name}: p50 {medians.values[side.name][-1]:.1f} ms")
    ours, celery = medians.median("ours"), medians.median("celery")
    return Result(
        row="latency-idle",
        unit="ms, p50",
        goal="p50 <= 1.5x stock Celery's, and stated",
        ours=ours,
        peers=medians.peers("celery"),
        ratios={"celery": ratio(ours, celery)},
        met=ours <= IDLE_TIMES * celery,
        spread=medians.spread(),
        details={"p99_ms": {name: MS * percentile(one, 0.99) for name, one in lags.items()}},
    )


def half_load(bench: Bench) -> Result:
    """Send half of what we can sustain, at random moments, after a look at the idle latency."""
    rate = our_rate(bench) / 2
    with running(bench.ground, WILD_RYDES) as one:
        start_everything(one)
        quiet = MS * percentile(idle_lags(one, bench, requests=bench.sizes.idle_requests), 0.5)
        found = lags_at(one, rate=rate, seconds=bench.sizes.half_seconds)
    p50, p99 = (MS * percentile(found, share) for share in (0.5, 0.99))
    return Result(
        row="latency-half",
        unit="ms, p99",
        goal="p99 <= 5x idle p50",
        ours=p99,
        ratios={"idle p50": ratio(p99, quiet)},
        met=p99 <= LOAD_TIMES * quiet,
        details={
            "rides_a_second": rate,
            "seconds_of_load": bench.sizes.half_seconds,
            "idle_p50_ms": quiet,
            "p50_ms": p50,
            "worst_ms": MS * max(found),
            "rounds": 1,
        },
    )


def start_everything(one: Running) -> None:
    """Start what `make up` starts, and wait until a ride gets through."""
    one.start_consumers()
    one.start_flower()
    one.start_web()
    warm_up(one)


def idle_lags(one: Running, bench: Bench, *, requests: int) -> list[float]:
    """Return the lags of rides that come one at a time."""
    rate = 1 / bench.sizes.idle_pause
    return lags_at(one, rate=rate, seconds=requests / rate, connections=1)


def lags_at(one: Running, *, rate: float, seconds: float, connections: int = 64) -> list[float]:
    """Return the lag, in seconds, of every ride that was accepted at this rate."""
    one.effects.clear()
    report = open_loop(
        one.port, one.target.rides(), rate=rate, seconds=seconds, connections=connections
    )
    if report.accepted != report.sent:
        raise RuntimeError(f"{one.side.name} answered {dict(report.statuses)}")
    wait_while_it_goes_on(one, report.accepted * DELIVERIES_PER_EVENT)
    return one.effects.lags()
