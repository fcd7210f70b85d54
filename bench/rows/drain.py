"""Drain: events wait, nothing runs; then the consumers start, and we see how fast the backlog goes.

The rate is that of committed effects, each with its receipt on our side, from the first commit to
the last. Our backlog is in Postgres, that of the peers in Redis, where their publishers put it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bench import floors
from bench.figures import ratio
from bench.results import Result, Rounds
from bench.rows.context import Bench, Drained, filled_template, in_turns
from bench.rows.context import drain as drain_once
from bench.running import running
from bench.sides import CELERY, PEERS, WILD_RYDES, Side

STOCK_TIMES, BEST_TIMES, FLOOR_SHARE, SINGLE_TIMES = 25.0, 8.0, 0.5, 4.0
FLOOR_SHARE_OF_EVENTS = 5


def drain(bench: Bench) -> Result:
    """Measure handlers that take whole batches, against every peer and the floor."""
    sides = (WILD_RYDES, *PEERS)
    events = bench.sizes.events
    bench.drained = _turns(bench, sides, events=events, singly=False)
    rounds = _rates(bench.drained)
    for _ in range(bench.sizes.rounds):
        rounds.add(
            "bulk-insert",
            floors.bulk_inserts(bench.ground, events=events // FLOOR_SHARE_OF_EVENTS),
        )
        pushes = floors.list_pushes(bench.ground, messages=bench.sizes.push_messages)
        rounds.add("list-push", pushes)
    ours, floor = rounds.median("ours"), rounds.median("bulk-insert")
    peers = rounds.peers(*(side.name for side in PEERS))
    best = max(peers.values())
    return Result(
        row="drain",
        unit="deliveries/s",
        goal=">= 25x stock Celery, >= 8x the best peer, >= 50% of the bulk-insert floor",
        ours=ours,
        peers=peers,
        floor=floor,
        ratios={
            "celery": ratio(ours, peers["celery"]),
            "best peer": ratio(ours, best),
            "floor": ratio(ours, floor),
        },
        met=ours >= STOCK_TIMES * peers["celery"]
        and ours >= BEST_TIMES * best
        and ours >= FLOOR_SHARE * floor,
        spread=rounds.spread(),
        details={
            "events_waiting": {"ours": events, "peers": bench.sizes.peer_events},
            "list_pushes_a_second": rounds.median("list-push"),
        },
    )


def drain_single(bench: Bench) -> Result:
    """Measure handlers that take one message each, against stock Celery."""
    sides = (WILD_RYDES, CELERY)
    rounds = _rates(_turns(bench, sides, events=bench.sizes.single_events, singly=True))
    ours, celery = rounds.median("ours"), rounds.median("celery")
    return Result(
        row="drain-single",
        unit="deliveries/s",
        goal=">= 4x stock Celery",
        ours=ours,
        peers=rounds.peers("celery"),
        ratios={"celery": ratio(ours, celery)},
        met=ours >= SINGLE_TIMES * celery,
        spread=rounds.spread(),
        details={
            "events_waiting": {
                "ours": bench.sizes.single_events,
                "peers": bench.sizes.peer_events,
            },
        },
    )


def _turns(
    bench: Bench, sides: Sequence[Side], *, events: int, singly: bool
) -> dict[str, list[Drained]]:
    turns: dict[str, list[Drained]] = {side.name: [] for side in sides}
    template = filled_template(bench, WILD_RYDES, events=events, singly=singly)
    try:
        for _, side in in_turns(sides, rounds=bench.sizes.rounds):
            found = _turn(bench, side, template=template, events=events)
            turns[side.name].append(found)
            bench.say(f"{side.name}: {found.rate:,.0f} deliveries a second")
    finally:
        bench.ground.drop(template)
    return turns


def _rates(turns: Mapping[str, Sequence[Drained]]) -> Rounds:
    rounds = Rounds()
    for name, found in turns.items():
        for one in found:
            rounds.add(name, one.rate)
    return rounds


def _turn(bench: Bench, side: Side, *, template: str, events: int) -> Drained:
    if side.is_ours:
        with running(bench.ground, side, template=template) as one:
            one.start_flower()
            return drain_once(one, events=events)
    with running(bench.ground, side) as one:
        one.fill(bench.sizes.peer_events)
        return drain_once(one, events=bench.sizes.peer_events)
