"""Scale: the same backlog with more workers and more relays, and who was busy meanwhile."""

from __future__ import annotations

from typing import Any

from bench.results import Result, Rounds
from bench.rows.context import Bench, drain, filled_template, in_turns
from bench.running import running
from bench.sides import WILD_RYDES

WORKERS_AND_RELAYS = ((1, 1), (2, 1), (4, 1), (8, 1), (2, 2), (4, 2))
SHIPPED = "2 workers, 1 relay"


def scale(bench: Bench) -> Result:
    """Measure the drain in every setting."""
    rates, busy = Rounds(), dict[str, dict[str, float]]()
    template = filled_template(bench, WILD_RYDES, events=bench.sizes.scale_events)
    try:
        for _, (workers, relays) in in_turns(WORKERS_AND_RELAYS, rounds=bench.sizes.scale_rounds):
            name = f"{workers} worker{'s' * (workers > 1)}, {relays} relay{'s' * (relays > 1)}"
            rate, busy[name] = _turn(bench, template, workers=workers, relays=relays)
            rates.add(name, rate)
            bench.say(f"{name}: {rate:,.0f} a second")
    finally:
        bench.ground.drop(template)
    best = max(rates.values, key=rates.median)
    details: dict[str, Any] = {
        "deliveries_a_second": {name: rates.median(name) for name in rates.values},
        "best": best,
        "cpu_ms_per_1000_deliveries": busy,
    }
    return Result(
        row="scale",
        unit="deliveries/s",
        goal="states where the ceiling is and what it is",
        ours=rates.median(best),
        met=None,
        ratios={SHIPPED: rates.median(best) / rates.median(SHIPPED)},
        spread=rates.spread(),
        details={**details, "rounds": bench.sizes.scale_rounds},
    )


def _turn(
    bench: Bench, template: str, *, workers: int, relays: int
) -> tuple[float, dict[str, float]]:
    """Return the rate, and CPU milliseconds by kind of process for a thousand deliveries."""
    with running(bench.ground, WILD_RYDES, template=template) as one:
        found = drain(one, events=bench.sizes.scale_events, workers=workers, relays=relays)
    busy: dict[str, float] = {}
    for name, seconds in found.cost.cpu.items():
        kind = name.rstrip("0123456789")
        busy[kind] = busy.get(kind, 0.0) + 1e6 * seconds / found.deliveries
    return found.rate, busy
