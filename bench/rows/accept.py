"""Accept: how many rides a second the front door takes, authenticated and committed.

The web process alone is measured, against plain DRF that tells nobody and stock Celery's view: who
consumes what is accepted would compete for the same two cores, and is measured in `sustained`. So
that nothing is hidden, both views are also measured with all their consumers at work.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from bench.figures import percentile, ratio
from bench.load.generators import Report, closed_loop
from bench.results import Result, Rounds
from bench.rows.context import Bench, all_running, in_turns
from bench.running import Running, running
from bench.sides import CELERY, PEERS, PLAIN, WILD_RYDES

WARM_UP_SECONDS = 2.0
FOUR_TIMES, NEARLY_PLAIN, TWENTY_TIMES = 4.0, 0.85, 20.0


def accept(bench: Bench) -> Result:
    """Measure single rides at sixteen connections."""
    rounds, latencies = Rounds(), defaultdict[str, list[float]](list)
    sides = (WILD_RYDES, PLAIN, *PEERS)
    with all_running(bench, sides) as by_name:
        for one in by_name.values():
            one.start_web(alone=True)
            _load(bench, one, seconds=WARM_UP_SECONDS)
        for _, side in in_turns(sides, rounds=bench.sizes.rounds):
            report = _load(bench, by_name[side.name], seconds=bench.sizes.accept_seconds)
            rounds.add(side.name, report.rate)
            latencies[side.name] += report.latencies
            bench.say(f"{side.name}: {report.rate:,.0f} a second")
    ours, plain, celery = (rounds.median(name) for name in ("ours", "plain", "celery"))
    return Result(
        row="accept",
        unit="rides/s",
        goal=">= 4x stock Celery's view; >= 0.85x plain DRF create",
        ours=ours,
        peers=rounds.peers("plain", *(side.name for side in PEERS)),
        floor=plain,
        ratios={"celery": ratio(ours, celery), "plain": ratio(ours, plain)},
        met=ours >= FOUR_TIMES * celery and ours >= NEARLY_PLAIN * plain,
        spread=rounds.spread(),
        details={
            "connections": bench.sizes.connections,
            "p50_ms": {name: 1e3 * percentile(one, 0.5) for name, one in latencies.items()},
            "p99_ms": {name: 1e3 * percentile(one, 0.99) for name, one in latencies.items()},
            "with_consumers_at_work": _with_consumers(bench),
        },
    )


def accept_in_batches(bench: Bench) -> Result:
    """Measure rides through the batch endpoint, against stock Celery's view for single ones."""
    rounds = Rounds()
    sides = (WILD_RYDES, CELERY)
    with all_running(bench, sides) as by_name:
        for one in by_name.values():
            one.start_web(alone=True)
            _load(bench, one, seconds=WARM_UP_SECONDS)
        for _, side in in_turns(sides, rounds=bench.sizes.rounds):
            one = by_name[side.name]
            rate = _batches(bench, one) if side.is_ours else _singles(bench, one)
            rounds.add(side.name, rate)
            bench.say(f"{side.name}: {rate:,.0f} rides a second")
    ours, celery = rounds.median("ours"), rounds.median("celery")
    return Result(
        row="accept-batches",
        unit="rides/s",
        goal=">= 20x stock Celery's view",
        ours=ours,
        peers=rounds.peers("celery"),
        ratios={"celery": ratio(ours, celery)},
        met=ours >= TWENTY_TIMES * celery,
        spread=rounds.spread(),
        details={
            "rides_in_a_batch": bench.sizes.batch_items,
            "connections": bench.sizes.batch_connections,
        },
    )


def _load(bench: Bench, one: Running, *, seconds: float) -> Report:
    requests, connections = one.target.rides(), bench.sizes.connections
    return _checked(one, _send(one, requests, seconds=seconds, connections=connections))


def _singles(bench: Bench, one: Running) -> float:
    return _load(bench, one, seconds=bench.sizes.accept_seconds).rate


def _batches(bench: Bench, one: Running) -> float:
    requests = one.target.batches(size=bench.sizes.batch_items)
    seconds, connections = bench.sizes.accept_seconds, bench.sizes.batch_connections
    report = _checked(one, _send(one, requests, seconds=seconds, connections=connections))
    return report.rate * bench.sizes.batch_items


def _send(one: Running, requests: Iterator[bytes], *, seconds: float, connections: int) -> Report:
    return closed_loop(one.port, requests, seconds=seconds, connections=connections)


def _checked(one: Running, report: Report) -> Report:
    if set(report.statuses) != {201}:
        raise RuntimeError(f"{one.side.name} answered {dict(report.statuses)}:\n{one.log('web')}")
    return report


def _with_consumers(bench: Bench) -> dict[str, float]:
    """Return rides a second with every other process of the side at work too."""
    found = {}
    for side in (WILD_RYDES, CELERY):
        with running(bench.ground, side) as one:
            one.start_consumers()
            one.start_flower()
            one.start_web()
            _load(bench, one, seconds=WARM_UP_SECONDS)
            found[side.name] = _load(bench, one, seconds=bench.sizes.accept_seconds).rate
    return found
