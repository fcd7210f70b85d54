"""Requests for quotes with sixteen who answer at once, beside a chord of Celery.

Everything runs before the first request; one process commits requests, each in a transaction of
its own. What is measured lies between commits: the request's, and its close's.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from bench.asking import closings, names
from bench.asking.closings import Closing
from bench.figures import percentile, ratio
from bench.ground import run
from bench.results import Result, Rounds
from bench.rows.context import Bench, all_running, in_turns
from bench.running import Running
from bench.sides import ASKING, CELERY_CHORD

TIMES, IDLE_TIMES = 10.0, 1.2
WARM_UP = 20
MS = 1e3
SIDES = (ASKING, CELERY_CHORD)


def throughput(bench: Bench) -> Result:
    """Ask as fast as it goes."""
    rates = Rounds()
    requests = {ASKING.name: bench.sizes.rfqs, CELERY_CHORD.name: bench.sizes.peer_rfqs}
    with all_running(bench, SIDES) as by_name:
        start(by_name)
        for _, side in in_turns(SIDES, rounds=bench.sizes.rounds):
            found = ask(by_name[side.name], requests=requests[side.name])
            rates.add(_short(side.name), closings.rate(found))
            bench.say(f"{side.name}: {closings.rate(found):,.1f} a second")
    ours, chord = rates.median("ours"), rates.median("chord")
    return Result(
        row="rfqs",
        unit="RFQs/s",
        goal=">= 10x a Celery chord that does the same",
        ours=ours,
        peers=rates.peers("chord"),
        ratios={"chord": ratio(ours, chord)},
        met=ours >= TIMES * chord,
        spread=rates.spread(),
        details={
            "responders": len(names.RESPONDERS),
            "requests": {_short(name): number for name, number in requests.items()},
        },
    )


def latency(bench: Bench) -> Result:
    """Ask one at a time, and wait for its end."""
    medians, took = Rounds(), defaultdict[str, list[float]](list)
    with all_running(bench, SIDES) as by_name:
        start(by_name)
        for _, side in in_turns(SIDES, rounds=bench.sizes.rounds):
            one = by_name[side.name]
            found = ask(one, requests=bench.sizes.idle_rfqs, one_at_a_time=True)
            lags = [closing.took for closing in found]
            medians.add(_short(side.name), MS * percentile(lags, 0.5))
            took[_short(side.name)] += lags
            bench.say(f"{side.name}: p50 {MS * percentile(lags, 0.5):.1f} ms")
    ours, chord = medians.median("ours"), medians.median("chord")
    return Result(
        row="rfq-latency",
        unit="ms, p50",
        goal="p50 <= 1.2x a Celery chord that does the same",
        ours=ours,
        peers=medians.peers("chord"),
        ratios={"chord": ratio(ours, chord)},
        met=ours <= IDLE_TIMES * chord,
        spread=medians.spread(),
        details={
            "responders": len(names.RESPONDERS),
            "requests_a_round": bench.sizes.idle_rfqs,
            "p99_ms": {name: MS * percentile(lags, 0.99) for name, lags in took.items()},
        },
    )


def start(by_name: Mapping[str, Running]) -> None:
    """Start whoever answers, Flower too, and see that they do."""
    for one in by_name.values():
        one.start_consumers()
        one.start_flower()
        ask(one, requests=WARM_UP)


def ask(one: Running, *, requests: int, one_at_a_time: bool = False) -> list[Closing]:
    """Make requests, wait until all are closed, and return how that went."""
    expected = closings.count(one) + requests
    run([*command(one), *_options(requests, one_at_a_time)], one.environment)
    closings.wait_for(one, expected)
    found = closings.newest(one, requests)
    closings.refuse_incomplete(one, found)
    return found


def command(one: Running) -> list[str]:
    """Return the program that asks."""
    return ["manage.py", "bench_ask"] if one.side.is_ours else ["-m", "bench.peers.request"]


def _options(requests: int, one_at_a_time: bool) -> list[str]:
    return ["--requests", str(requests), *(["--one-at-a-time"] if one_at_a_time else [])]


def _short(name: str) -> str:
    return {ASKING.name: "ours", CELERY_CHORD.name: "chord"}[name]
