"""Lake: events wait for the data lake alone; then its workers start, and files come about.

Everything as `make up` has it. From the first batch that is collected to the last file that is
written and forced to disk: rows of Parquet a second. There is nothing to compare it with but our
own drain, in which every subscriber gets a fifth of the deliveries.
"""

from __future__ import annotations

import time

from bench.figures import ratio
from bench.results import Result, Rounds
from bench.rows.context import Bench
from bench.running import Running, running
from bench.sides import LIVE
from bench.subscribers import DELIVERIES_PER_EVENT

PATIENCE_SECONDS = 60.0
LOOK_SECONDS = 0.25

# Rides as their publisher stores them, for one subscription: nobody else's work is measured.
EVENTS = """
INSERT INTO wildrydes_message (id, type, kind, source, subject, group_id, correlation_id, reply_to,
    trace_parent, recipients, data)
SELECT gen_random_uuid(), 'v1.ride.completed', 'event', '//bench', number::text, '', '', '', '',
    '{{datalake_ingestion.collect_events}}', jsonb_build_object(
        'from', 'Berlin', 'to', 'Frankfurt', 'duration', 420, 'distance', 600,
        'customer', 'customer-' || number % 500, 'fare', 256.5, 'ride', NULL
    )
FROM generate_series(1, {events}) AS number
"""
WRITTEN = """
SELECT coalesce(sum(rows), 0) FROM datalake_ingestion_lakefile WHERE written_at IS NOT NULL
"""
RATE = """
SELECT round(sum(rows) / extract(epoch FROM max(written_at) - min(collected_at)))
FROM datalake_ingestion_lakefile
"""


def lake_ingest(bench: Bench) -> Result:
    """Measure a backlog of rides."""
    bench.ground.prepare_shipped()
    rounds, files = Rounds(), list[int]()
    for _ in range(bench.sizes.rounds):
        with running(bench.ground, LIVE) as one:
            rounds.add("ours", _ingest(bench, one))
            files.append(one.effects.number("SELECT count(*) FROM datalake_ingestion_lakefile"))
        bench.say(f"ours: {rounds.values['ours'][-1]:,.0f} rows a second in {files[-1]} files")
    ours, share = rounds.median("ours"), bench.drain_rate / DELIVERIES_PER_EVENT
    return Result(
        row="lake-ingest",
        unit="events/s",
        goal=">= the drain row's share of one subscriber; stated",
        ours=ours,
        ratios={"drain's share": ratio(ours, share)} if share else {},
        met=ours >= share if share else None,
        spread=rounds.spread(),
        details={"events_waiting": bench.sizes.lake_events, "files": files, "drain_share": share},
    )


def _ingest(bench: Bench, one: Running) -> float:
    one.effects.sql.execute(EVENTS.format(events=bench.sizes.lake_events).encode())
    one.start_consumers()
    deadline = time.monotonic() + PATIENCE_SECONDS
    while one.effects.number(WRITTEN) < bench.sizes.lake_events:
        one.check()
        if time.monotonic() > deadline:
            raise RuntimeError(f"the lake is not full after {PATIENCE_SECONDS:g} s")
        time.sleep(LOOK_SECONDS)
    return float(one.effects.number(RATE))
