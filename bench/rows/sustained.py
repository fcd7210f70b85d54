"""Sustained: the highest rate of arrivals at which all five effects keep up, everything running.

Load generator, web, consumers, servers and Flower share the two cores. A rate is held when every
ride is accepted and, a second after the last one was due, every effect is committed. The rate is
searched by halving in short probes, all sides in turns while the others stand idle (not stopped by
a signal: taskiq's timeouts do not survive that). What is found is held for a minute by us, by stock
Celery and by the best of the others, and lowered where it cannot be held.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

from bench.figures import percentile, ratio
from bench.load.generators import Report, closed_loop, open_loop
from bench.results import Result
from bench.rows.context import WARM_UP, Bench, all_running, in_turns, wait_while_it_goes_on
from bench.running import Running
from bench.sides import CELERY, PEERS, WILD_RYDES
from bench.subscribers import DELIVERIES_PER_EVENT

GRACE_SECONDS = 1.0
LOWER = 0.93
MARGIN = 1.6
STOCK_TIMES, BEST_TIMES = 8.0, 3.0


@dataclass
class Bracket:
    """What is known of a side: the highest rate that it held, the lowest that it did not."""

    held: float
    failed: float

    @property
    def middle(self) -> float:
        """Return the rate to try next."""
        return (self.held + self.failed) / 2


@dataclass(frozen=True)
class Probe:
    """One stretch at one rate. `behind` is how many effects were missing a second after it."""

    rate: float
    has_held: bool
    behind: int
    report: Report


def sustained(bench: Bench) -> Result:
    """Search every side's rate, then hold it."""
    sides = (WILD_RYDES, *PEERS)
    with all_running(bench, sides) as by_name:
        brackets = {name: start_up(bench, one) for name, one in by_name.items()}
        for _, side in in_turns(sides, rounds=bench.sizes.sustained_probes):
            halve(bench, by_name[side.name], brackets[side.name])
        others = (side.name for side in PEERS if side is not CELERY)
        best = max(others, key=lambda name: brackets[name].held)
        held = {name: bracket.held for name, bracket in brackets.items()}
        probes = {}
        for name in (WILD_RYDES.name, CELERY.name, best):
            probes[name] = hold(bench, by_name[name], brackets[name])
            held[name] = probes[name].rate
    bench.sustained_rate = held.pop("ours")
    return _result(bench, held=held, brackets=brackets, probes=probes)


def _result(
    bench: Bench,
    *,
    held: dict[str, float],
    brackets: Mapping[str, Bracket],
    probes: Mapping[str, Probe],
) -> Result:
    ours, celery, best = bench.sustained_rate, held["celery"], max(held.values())
    return Result(
        row="sustained",
        unit="rides/s",
        goal=">= 8x stock Celery, >= 3x the best peer",
        ours=ours,
        peers=held,
        ratios={"celery": ratio(ours, celery), "best peer": ratio(ours, best)},
        met=ours >= STOCK_TIMES * celery and ours >= BEST_TIMES * best and probes["ours"].has_held,
        spread={name: (one.held, one.failed) for name, one in brackets.items()},
        details={
            "spread_is": "the bracket of the search",
            "held_for_seconds": dict.fromkeys(probes, bench.sizes.hold_seconds),
            "rounds": bench.sizes.sustained_probes,
            "held": {name: one.has_held for name, one in probes.items()},
            "answers_p99_ms": {
                name: 1e3 * percentile(one.report.latencies, 0.99)
                for name, one in probes.items()
                if one.report.latencies
            },
        },
    )


def our_rate(bench: Bench) -> float:
    """Return our sustained rate: the one that is known, or a quick search's."""
    if not bench.sustained_rate:
        with all_running(bench, (WILD_RYDES,)) as by_name:
            one = by_name["ours"]
            bracket = start_up(bench, one)
            for _ in range(bench.sizes.sustained_probes):
                halve(bench, one, bracket)
        bench.sustained_rate = bracket.held or bracket.failed / 2
    return bench.sustained_rate


def start_up(bench: Bench, one: Running) -> Bracket:
    """Start everything, warm it up, and return what it can certainly not sustain."""
    one.start_consumers()
    one.start_flower()
    one.start_web()
    warm_up(one)
    seconds = bench.sizes.probe_seconds / 2
    report = closed_loop(
        one.port, one.target.rides(), seconds=seconds, connections=bench.sizes.connections
    )
    catch_up(one)
    bench.say(f"{one.side.name}: accepts {report.rate:,.0f} a second at the very most")
    return Bracket(0.0, MARGIN * report.rate)


def warm_up(one: Running) -> None:
    """Send a few rides and wait until all that follows from them is there."""
    expected = one.effects.count() + WARM_UP * DELIVERIES_PER_EVENT
    open_loop(one.port, one.target.rides(), rate=WARM_UP, seconds=3, connections=2)
    wait_while_it_goes_on(one, expected // 2)
    catch_up(one)


def catch_up(one: Running) -> None:
    """Wait until the effects stop coming: whoever was overrun has caught up."""
    seen = -1
    while (count := one.effects.count()) > seen:
        seen = count
        time.sleep(1.5)
        one.check()


def halve(bench: Bench, one: Running, bracket: Bracket) -> None:
    """Try the middle of what is not known, and know more."""
    probe = _probe(one, rate=bracket.middle, seconds=bench.sizes.probe_seconds)
    if probe.has_held:
        bracket.held = probe.rate
    else:
        bracket.failed = probe.rate
    outcome = "holds" if probe.has_held else f"lags by {probe.behind:,} effects at"
    bench.say(f"{one.side.name}: {outcome} {probe.rate:,.0f} a second")


def hold(bench: Bench, one: Running, bracket: Bracket) -> Probe:
    """Hold the rate that was found for the whole time, or the next lower one that can be held.

    Where none could, what is returned is the rate that would have come next, and says `has_held`
    false.
    """
    rate = bracket.held or bracket.failed
    for _ in range(bench.sizes.holds):
        probe = _probe(one, rate=rate, seconds=bench.sizes.hold_seconds)
        bench.say(f"{one.side.name}: {rate:,.0f} a second held: {probe.has_held}")
        if probe.has_held:
            return probe
        rate *= LOWER
    return replace(probe, rate=rate)


def _probe(one: Running, *, rate: float, seconds: float) -> Probe:
    before = one.effects.count()
    report = open_loop(one.port, one.target.rides(), rate=rate, seconds=seconds)
    expected = before + report.accepted * DELIVERIES_PER_EVENT
    patience = max(0.0, GRACE_SECONDS - report.overrun)
    in_time = one.effects.wait_for(expected, seconds=patience)
    behind = max(0, expected - one.effects.count())
    all_accepted = report.accepted == report.sent and report.overrun <= GRACE_SECONDS
    if not in_time:
        catch_up(one)
    return Probe(rate, in_time and all_accepted, behind, report)
