"""Sagas of five steps, beside chains of five Celery tasks and workflows of five steps of DBOS.

Everything runs before the first saga; one process starts them. Every saga of every side has to
have left its five effects, once and in order, or the row is not measured.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from bench.figures import percentile, ratio
from bench.ground import run
from bench.results import Result, Rounds
from bench.rows.context import Bench, all_running, in_turns
from bench.running import Running
from bench.sagas import endings, names, offering
from bench.sagas.endings import Ending
from bench.sides import CELERY_CHAIN, CELERY_CHAIN_TUNED, DBOS, SAGAS, Side

CHAIN_TIMES, DBOS_TIMES, IDLE_TIMES = 8.0, 3.0, 2.0
WARM_UP = 20
MS = 1e3
SHORT = {
    SAGAS.name: "ours",
    CELERY_CHAIN.name: "chain",
    CELERY_CHAIN_TUNED.name: "chain-tuned",
    DBOS.name: "dbos",
}
MODULES = {
    CELERY_CHAIN.name: "celery_chain",
    CELERY_CHAIN_TUNED.name: "celery_chain_tuned",
    DBOS.name: "with_dbos",
}


def throughput(bench: Bench) -> Result:
    """Start sagas as fast as it goes."""
    sides = (SAGAS, CELERY_CHAIN, CELERY_CHAIN_TUNED, DBOS)
    bench.ground.prepare_sagas()
    amounts = {side.name: _amount(bench, side) for side in sides}
    rates = Rounds()
    with all_running(bench, sides) as by_name:
        begin(by_name)
        for _, side in in_turns(sides, rounds=bench.sizes.rounds):
            found = collect(by_name[side.name], sagas=amounts[side.name])
            rates.add(SHORT[side.name], endings.rate(found))
            bench.say(f"{side.name}: {endings.rate(found):,.1f} a second")
    ours, chain, dbos = (rates.median(name) for name in ("ours", "chain", "dbos"))
    return Result(
        row="sagas",
        unit="sagas/s",
        goal=">= 8x a stock Celery chain that does the same, >= 3x DBOS",
        ours=ours,
        peers=rates.peers("chain", "chain-tuned", "dbos"),
        ratios={
            "chain": ratio(ours, chain),
            "chain-tuned": ratio(ours, rates.median("chain-tuned")),
            "dbos": ratio(ours, dbos),
        },
        met=ours >= CHAIN_TIMES * chain and ours >= DBOS_TIMES * dbos,
        spread=rates.spread(),
        details={
            "steps": len(names.STEPS),
            "sagas": {SHORT[name]: number for name, number in amounts.items()},
            "started_at_once": offering.AT_ONCE,
        },
    )


def latency(bench: Bench) -> Result:
    """Start one at a time, and wait for its end."""
    sides = (SAGAS, CELERY_CHAIN, CELERY_CHAIN_TUNED)
    bench.ground.prepare_sagas()
    medians, took = Rounds(), defaultdict[str, list[float]](list)
    with all_running(bench, sides) as by_name:
        begin(by_name)
        for _, side in in_turns(sides, rounds=bench.sizes.rounds):
            one = by_name[side.name]
            found = collect(one, sagas=bench.sizes.idle_sagas, one_at_a_time=True)
            lags = [ending.took for ending in found]
            medians.add(SHORT[side.name], MS * percentile(lags, 0.5))
            took[SHORT[side.name]] += lags
            bench.say(f"{side.name}: p50 {MS * percentile(lags, 0.5):.1f} ms")
    ours, chain = medians.median("ours"), medians.median("chain")
    return Result(
        row="saga-latency",
        unit="ms, p50",
        goal="p50 <= 2x a stock Celery chain that does the same",
        ours=ours,
        peers=medians.peers("chain", "chain-tuned"),
        ratios={
            "chain": ratio(ours, chain),
            "chain-tuned": ratio(ours, medians.median("chain-tuned")),
        },
        met=ours <= IDLE_TIMES * chain,
        spread=medians.spread(),
        details={
            "steps": len(names.STEPS),
            "sagas_a_round": bench.sizes.idle_sagas,
            "p99_ms": {name: MS * percentile(lags, 0.99) for name, lags in took.items()},
        },
    )


def begin(by_name: Mapping[str, Running]) -> None:
    """Start whoever takes part, Flower too, and see that they do."""
    for one in by_name.values():
        one.start_consumers()
        one.start_flower()
        collect(one, sagas=WARM_UP)


def collect(one: Running, *, sagas: int, one_at_a_time: bool = False) -> list[Ending]:
    """Start sagas, wait until all have ended, and return how that went."""
    expected = endings.count(one) + sagas
    options = ["--sagas", str(sagas), *(["--one-at-a-time"] if one_at_a_time else [])]
    run([*_command(one.side), *options], one.environment)
    endings.wait_for(one, expected)
    return endings.newest(one, sagas)


def _command(side: Side) -> Sequence[str]:
    """Return the program that starts sagas."""
    if side.is_ours:
        return ["manage.py", "bench_start"]
    return ["-m", "bench.peers.start", MODULES[side.name]]


def _amount(bench: Bench, side: Side) -> int:
    return bench.sizes.sagas if side.is_ours else bench.sizes.peer_sagas
