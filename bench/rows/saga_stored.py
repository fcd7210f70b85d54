"""What a saga costs while a million finished ones are stored with their histories.

Two databases side by side, an empty one and the full one, in turns. Messages and receipts are not
stored: what they weigh is `growth`'s matter.
"""

from __future__ import annotations

from bench.figures import ratio
from bench.results import Result, Rounds
from bench.rows.context import Bench, all_running, in_turns
from bench.rows.sagas import begin, collect
from bench.running import Running
from bench.sagas import endings
from bench.sagas import stored as finished
from bench.sides import SAGAS, SAGAS_STORED
from bench.watch import watched

WITHIN = 0.10
MS = 1e3
SIDES = (SAGAS, SAGAS_STORED)
SIZES = """
SELECT relname, round(pg_relation_size(relid) / 1048576.0, 1)::float8
FROM pg_stat_user_tables WHERE relname IN ('wildrydes_saga', 'wildrydes_sagaevent') ORDER BY 1
"""


def stored(bench: Bench) -> Result:
    """Measure the CPU time of everything but the process that starts the sagas."""
    bench.ground.prepare_sagas()
    costs, rates = Rounds(), Rounds()
    with all_running(bench, SIDES) as by_name:
        begin(by_name)
        full = by_name[SAGAS_STORED.name]
        finished.store(full, sagas=bench.sizes.stored_sagas)
        bench.say(f"{bench.sizes.stored_sagas:,} sagas are stored")
        for _, side in in_turns(SIDES, rounds=bench.sizes.rounds):
            name = "empty" if side is SAGAS else "stored"
            cost, rate = _turn(bench, by_name[side.name])
            costs.add(name, cost)
            rates.add(name, rate)
            bench.say(f"{name}: {cost:.2f} ms of CPU a saga, {rate:,.0f} a second")
        sizes = {str(row[0]): row[1] for row in full.effects.sql.execute(SIZES).fetchall()}
    more = ratio(costs.median("stored"), costs.median("empty"))
    return Result(
        row="saga-stored",
        unit="ms of CPU a saga",
        goal="cost per saga with 10^6 finished ones stored within 10% of empty",
        ours=costs.median("stored"),
        ratios={"empty": more},
        met=more <= 1 + WITHIN,
        spread=costs.spread(),
        details={
            "stored": bench.sizes.stored_sagas,
            "sagas_a_round": bench.sizes.sagas,
            "sagas_a_second": {name: rates.median(name) for name in rates.values},
            "tables_mib": sizes,
        },
    )


def _turn(bench: Bench, one: Running) -> tuple[float, float]:
    with watched(one) as cost:
        found = collect(one, sagas=bench.sizes.sagas)
    return MS * sum(cost.cpu.values()) / len(found), endings.rate(found)
