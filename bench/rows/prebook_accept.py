"""Prebookings: how many a second the front door takes, against a view that does the work at once.

The web process alone, as in `accept`; five hundred customers take part in one campaign in turn,
each with a token of their own, and are throttled as by default. The other view checks the rules,
takes the place, stores the ride, the notice and two rows for the lake, in one transaction. What our
workers do later is in `burst`.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator

from bench.figures import percentile, ratio
from bench.ground import run
from bench.load.generators import Report, closed_loop
from bench.results import Result, Rounds
from bench.rows.context import Bench, all_running, in_turns
from bench.running import Running
from bench.sides import LIVE, PLAIN
from config.env import THROTTLES

CAMPAIGN = "bench"
TIMES = 5.0
ROUNDS_FOR_ONE = 4  # one may be off by half on a machine that others use, too
WARM_UP_SECONDS = 2.0
MS = 1e3
IN_REQUEST = "in the request"
NAMES = {LIVE.name: "ours", PLAIN.name: IN_REQUEST}
PLACES = "INSERT INTO usual_way_campaign (code, capacity, taken) VALUES ('bench', 10000000, 0)"


def prebook_accept(bench: Bench) -> Result:
    """Measure at sixteen connections."""
    bench.ground.prepare_shipped()
    rounds, latencies = Rounds(), defaultdict[str, list[float]](list)
    sides, many = (LIVE, PLAIN), ROUNDS_FOR_ONE * bench.sizes.rounds
    with all_running(bench, sides) as by_name:
        by_name[PLAIN.name].effects.sql.execute(PLACES)
        requests = {one.side.name: _requests(one) for one in by_name.values()}
        for one in by_name.values():
            one.start_web(alone=True, throttles=THROTTLES)
            _load(bench, one, requests[one.side.name], seconds=WARM_UP_SECONDS)
        for _, side in in_turns(sides, rounds=many):
            seconds, one = bench.sizes.accept_seconds, by_name[side.name]
            report = _load(bench, one, requests[side.name], seconds=seconds)
            rounds.add(NAMES[side.name], report.rate)
            latencies[NAMES[side.name]] += report.latencies
            bench.say(f"{NAMES[side.name]}: {report.rate:,.0f} a second")
    ours, theirs = rounds.median("ours"), rounds.median(IN_REQUEST)
    return Result(
        row="prebook-accept",
        unit="prebookings/s",
        goal=f">= {TIMES:g}x a view that does the work in the request",
        ours=ours,
        peers=rounds.peers(IN_REQUEST),
        ratios={IN_REQUEST: ratio(ours, theirs)},
        met=ours >= TIMES * theirs,
        spread=rounds.spread(),
        details={
            "rounds": many,
            "connections": bench.sizes.connections,
            "p50_ms": {name: MS * percentile(one, 0.5) for name, one in latencies.items()},
            "p99_ms": {name: MS * percentile(one, 0.99) for name, one in latencies.items()},
        },
    )


def _requests(one: Running) -> Iterator[bytes]:
    tokens = json.loads(run(["-m", "bench.customers"], one.environment))
    return one.target.prebookings(campaign=CAMPAIGN, tokens=tokens)


def _load(bench: Bench, one: Running, requests: Iterator[bytes], *, seconds: float) -> Report:
    report = closed_loop(one.port, requests, seconds=seconds, connections=bench.sizes.connections)
    if set(report.statuses) != {202 if one.side.is_ours else 201}:
        raise RuntimeError(f"{one.side.name} answered {dict(report.statuses)}:\n{one.log('web')}")
    return report
