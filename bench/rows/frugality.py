"""Frugality under load: what one delivery costs while a backlog is drained, Flower running."""

from __future__ import annotations

from dataclasses import dataclass

from bench.figures import ratio
from bench.results import Result, Rounds
from bench.rows.context import (
    Bench,
    filled_template,
    in_turns,
    wait_while_it_goes_on,
)
from bench.running import Running, running
from bench.sides import CELERY, WILD_RYDES
from bench.subscribers import DELIVERIES_PER_EVENT
from bench.watch import Cost, watched

COMMANDS_AT_MOST, SYNCS_AT_MOST = 0.2, 0.05
START_SECONDS = 60.0


@dataclass(frozen=True)
class Spent:
    """What was spent on so many deliveries."""

    cost: Cost
    deliveries: int


def frugality(bench: Bench) -> Result:
    """Measure our drain and stock Celery's."""
    commands, syncs, cpu = Rounds(), Rounds(), Rounds()
    last: dict[str, Spent] = {}
    is_flat = True
    template = filled_template(bench, WILD_RYDES, events=bench.sizes.frugality_events)
    try:
        for _, side in in_turns((WILD_RYDES, CELERY), rounds=bench.sizes.rounds):
            source = template if side.is_ours else ""
            with running(bench.ground, side, template=source) as one:
                spent = last[side.name] = _spent(bench, one)
            commands.add(side.name, spent.cost.commands / spent.deliveries)
            syncs.add(side.name, spent.cost.syncs / spent.deliveries)
            cpu.add(side.name, 1e3 * sum(spent.cost.cpu.values()) / spent.deliveries)
            is_flat = is_flat and (not side.is_ours or spent.cost.is_flat())
            bench.say(f"{side.name}: {commands.values[side.name][-1]:.3f} commands a delivery")
    finally:
        bench.ground.drop(template)
    ours = commands.median("ours")
    return Result(
        row="frugality",
        unit="Redis commands/delivery",
        goal="<= 0.2 commands; <= 0.05 syncs; RSS flat",
        ours=ours,
        peers=commands.peers("celery"),
        ratios={"celery": ratio(ours, commands.median("celery"))},
        met=ours <= COMMANDS_AT_MOST and syncs.median("ours") <= SYNCS_AT_MOST and is_flat,
        spread=commands.spread(),
        details={
            "wal_syncs_per_delivery": {name: syncs.median(name) for name in syncs.values},
            "cpu_seconds_per_1000_deliveries": {name: cpu.median(name) for name in cpu.values},
            "cpu_seconds_by_process": {name: one.cost.cpu for name, one in last.items()},
            "peak_rss_mib": {name: one.cost.peaks for name, one in last.items()},
            "rss_first_and_second_half_mib": last["ours"].cost.halves,
            "rss_flat": is_flat,
            "deliveries": {name: one.deliveries for name, one in last.items()},
        },
    )


def _spent(bench: Bench, one: Running) -> Spent:
    """Measure from the first effect on, so that starting up is not part of it."""
    events = bench.sizes.frugality_events
    if one.side.is_ours:
        one.start_flower()
    else:
        events = bench.sizes.peer_events
        one.fill(events)
    one.start_consumers()
    one.effects.wait_for(1, seconds=START_SECONDS)
    with watched(one) as cost:
        before = one.effects.count()
        wait_while_it_goes_on(one, events * DELIVERIES_PER_EVENT)
    return Spent(cost, max(1, one.effects.count() - before))
