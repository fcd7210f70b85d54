"""Frugality under load: what a delivery costs in the drains of the row `drain`, Flower running."""

from __future__ import annotations

from bench.figures import ratio
from bench.results import Result, Rounds
from bench.rows.context import Bench
from bench.rows.drain import drain
from bench.sides import CELERY, WILD_RYDES

COMMANDS_AT_MOST, SYNCS_AT_MOST = 0.2, 0.05
SIDES = (WILD_RYDES.name, CELERY.name)


def frugality(bench: Bench) -> Result:
    """Report what was counted in our drains and in stock Celery's; drain now if none was."""
    if not bench.drained:
        drain(bench)
    commands, syncs, cpu = Rounds(), Rounds(), Rounds()
    for name in SIDES:
        for one in bench.drained[name]:
            commands.add(name, one.cost.commands / one.deliveries)
            syncs.add(name, one.cost.syncs / one.deliveries)
            cpu.add(name, 1e3 * sum(one.cost.cpu.values()) / one.deliveries)
    last = {name: bench.drained[name][-1] for name in SIDES}
    is_flat = all(one.cost.is_flat() for one in bench.drained[WILD_RYDES.name])
    ours = commands.median(WILD_RYDES.name)
    return Result(
        row="frugality",
        unit="Redis commands/delivery",
        goal="<= 0.2 commands; <= 0.05 syncs; RSS flat",
        ours=ours,
        peers=commands.peers(CELERY.name),
        ratios={"celery": ratio(ours, commands.median(CELERY.name))},
        met=ours <= COMMANDS_AT_MOST and syncs.median("ours") <= SYNCS_AT_MOST and is_flat,
        spread=commands.spread(),
        details={
            "wal_syncs_per_delivery": {name: syncs.median(name) for name in SIDES},
            "cpu_seconds_per_1000_deliveries": {name: cpu.median(name) for name in SIDES},
            "cpu_seconds_by_process": {name: one.cost.cpu for name, one in last.items()},
            "peak_rss_mib": {name: one.cost.peaks for name, one in last.items()},
            "rss_first_and_second_half_mib": last[WILD_RYDES.name].cost.halves,
            "rss_flat": is_flat,
            "deliveries": {name: one.deliveries for name, one in last.items()},
        },
    )
