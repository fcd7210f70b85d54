"""Growth: the same work on a database that remembers more and more.

Stored messages have their five receipts, as a system has that never purged. One database grows
from step to step, because a copy of the largest for every round would take longer than the rounds.
"""

from __future__ import annotations

import json
from typing import Any

from bench.figures import percentile, ratio
from bench.ground import run
from bench.results import Result, Rounds
from bench.rows.context import Bench, wait_while_it_goes_on
from bench.rows.latency import MS, idle_lags
from bench.rows.sustained import warm_up
from bench.running import Running, running
from bench.sides import WILD_RYDES
from bench.subscribers import DELIVERIES_PER_EVENT, RIDES, SUBSCRIBERS, batch_subscription

AT_ONCE = 100_000
WITHIN = 0.10
PURGED = 10_000
OLDEST = 4_000_000  # seconds: the age of the first message that is stored

# Without triggers: what is stored here was routed and done long ago.
QUIETLY = "SET session_replication_role = replica"

MESSAGES = """
INSERT INTO wildrydes_message (id, type, kind, source, subject, group_id, correlation_id, reply_to,
    trace_parent, data, published_at)
SELECT uuidv7(make_interval(secs => number - %(oldest)s)), %(type)s, 'event', '//wildrydes.example',
    number::text, 'customer-' || number %% 1000, number::text, '', '',
    jsonb_build_object('ride_completion', number, 'ride', NULL, 'from', 'Berlin', 'to', 'Frankfurt',
        'duration', 420, 'distance', 600, 'customer', 'customer-' || number %% 1000, 'fare', 256.5,
        'currency', 'EUR', 'fleet', 'cape-town', 'completed_at', '2026-11-21T12:00:00+00:00'),
    now() + make_interval(secs => number - %(oldest)s)
FROM generate_series(%(first)s::int, %(last)s::int) AS number
RETURNING position
"""

RECEIPTS = """
INSERT INTO wildrydes_receipt (subscription, message_id, message_type, status, attempts, starts,
    dispatch_id, dispatched_at, received_at, done_at, group_id, position, worker, error, traceback)
SELECT subscription, id, type, 'done', 1, 0, id, published_at, published_at, published_at, group_id,
    position, 'general1@host', '', ''
FROM wildrydes_message, unnest(%(subscriptions)s::text[]) AS subscription
WHERE position BETWEEN %(first)s AND %(last)s
"""

INDEXES = """
SELECT indexrelname, round(pg_relation_size(indexrelid) / 1048576.0, 1)::float8
FROM pg_stat_user_indexes
WHERE relname IN ('wildrydes_message', 'wildrydes_receipt', 'wildrydes_dispatch',
    'wildrydes_unrouted') ORDER BY 1
"""


def growth(bench: Bench) -> Result:
    """Measure drain and idle latency at every size."""
    rates, lags, sizes = Rounds(), Rounds(), dict[str, Any]()
    stored = 0
    with running(bench.ground, WILD_RYDES) as one:
        one.start_web()
        for size in bench.sizes.growth_stored:
            _store(one, first=stored + 1, last=size)
            stored = size
            bench.say(f"{size:,} messages are stored")
            _measure(bench, one, f"{size:,}", rates=rates, lags=lags)
            found = one.effects.sql.execute(INDEXES).fetchall()
            sizes[f"{size:,}"] = {str(row[0]): row[1] for row in found}
        purged = _purge(one)
    names = [f"{size:,}" for size in bench.sizes.growth_stored]
    smallest, largest = names[0], names[-1]
    return Result(
        row="growth",
        unit=f"deliveries/s with {largest} stored",
        goal="within 10% of the smallest; index sizes and purge cost stated",
        ours=rates.median(largest),
        ratios={
            f"drain, {smallest}": ratio(rates.median(largest), rates.median(smallest)),
            f"latency, {smallest}": ratio(lags.median(largest), lags.median(smallest)),
        },
        met=all(
            rates.median(name) >= (1 - WITHIN) * rates.median(smallest)
            and lags.median(name) <= (1 + WITHIN) * lags.median(smallest)
            for name in names
        ),
        spread=rates.spread(),
        details={
            "deliveries_a_second": {name: rates.median(name) for name in names},
            "idle_p50_ms": {name: lags.median(name) for name in names},
            "idle_p50_ms_spread": lags.spread(),
            "indexes_mib": sizes,
            "purge": purged,
            "purge_is": "manage.py purge of the oldest messages and their receipts",
        },
    )


def _measure(bench: Bench, one: Running, name: str, *, rates: Rounds, lags: Rounds) -> None:
    one.start_consumers()
    warm_up(one)
    for _ in range(bench.sizes.rounds):
        one.end("relay0")
        one.effects.clear()
        one.fill(bench.sizes.growth_events)
        one.start_relay()
        wait_while_it_goes_on(one, bench.sizes.growth_events * DELIVERIES_PER_EVENT)
        rates.add(name, one.effects.rate())
        found = idle_lags(one, bench, requests=bench.sizes.growth_requests)
        lags.add(name, MS * percentile(found, 0.5))
    for process in list(one.processes):
        if process != "web":
            one.end(process)


def _store(one: Running, *, first: int, last: int) -> None:
    sql = one.effects.sql
    sql.execute(QUIETLY)
    names = [batch_subscription(subscriber) for subscriber in SUBSCRIBERS]
    for start in range(first, last + 1, AT_ONCE):
        span = {"first": start, "last": min(start + AT_ONCE - 1, last)}
        positions = sql.execute(MESSAGES, {**span, "type": RIDES, "oldest": OLDEST}).fetchall()
        numbers = [int(str(row[0])) for row in positions]
        bounds = {"first": min(numbers), "last": max(numbers)}
        sql.execute(RECEIPTS, {**bounds, "subscriptions": names})
    sql.execute("RESET session_replication_role")
    sql.execute("VACUUM (ANALYZE) wildrydes_message, wildrydes_receipt")
    sql.execute("CHECKPOINT")


def _purge(one: Running) -> dict[str, float]:
    """Purge the oldest with the command that is there for it; return what it says that it did."""
    older_than = f"{OLDEST - PURGED}s"
    said = run(["manage.py", "purge", "--json", "--older-than", older_than], one.environment)
    purged: dict[str, float] = json.loads(said)
    return {
        "messages": purged["messages"],
        "receipts": purged["receipts"],
        "ms_for_1000_messages": MS * purged["seconds"] / max(1, purged["messages"]) * 1000,
    }
