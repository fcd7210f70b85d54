"""Due: prebookings come due in one minute, among a million that are for later.

Everything as `make up` has it. Each prebooking that is due has to become a request for quotes; how
late it did is the commit of that command, by Postgres's clock, less the moment it was due. What the
requests then take is the matter of `rfqs`: they are held to a rate that two cores can take beside
everything else, and wait in their queue. What is for later is there as what waits for its time, the
messages; nothing else looks at the time of a prebooking.
"""

from __future__ import annotations

import time

from bench.figures import percentile
from bench.ground import run
from bench.results import Result
from bench.rows.context import Bench
from bench.running import Running, running
from bench.sides import LIVE

QUEUE, PER_SECOND = "ride_booking.prebookings", 20
LATEST_SECONDS = 2.0
NOTICE_SECONDS = 5.0
PATIENCE_SECONDS = 60.0
LOOK_SECONDS = 0.5

LATER = """
INSERT INTO wildrydes_message (id, type, kind, source, subject, group_id, correlation_id, reply_to,
    trace_parent, not_before, data)
SELECT id, 'v1.ride-prebooking.dispatch', 'command', '//bench', id::text, id::text, '', '', '',
    now() + interval '1 day' + number * interval '30 seconds',
    jsonb_build_object('prebooking', id)
FROM (
    SELECT gen_random_uuid() AS id, number FROM generate_series(1, {future}) AS number
) AS later
"""
DUE = """
WITH prebooking AS (
    INSERT INTO ride_prebooking_prebooking (id, customer, origin, destination, ride_at, busy_until,
        campaign, discount_percent, status, reason, accepted_at, decided_at, due_at)
    SELECT gen_random_uuid(), 'customer-' || number, 'Cape Town', 'Paarl',
        due_at + interval '10 minutes', due_at + interval '40 minutes', '', 0, 'confirmed', '',
        now(), now(), due_at
    FROM (
        SELECT number, clock_timestamp() + {notice} * interval '1 second'
            + number * interval '1 second' * {seconds} / {due} AS due_at
        FROM generate_series(1, {due}) AS number
    ) AS soon
    RETURNING id, due_at
)
INSERT INTO wildrydes_message (id, type, kind, source, subject, group_id, correlation_id, reply_to,
    trace_parent, not_before, data)
SELECT gen_random_uuid(), 'v1.ride-prebooking.dispatch', 'command', '//bench', id::text, id::text,
    '', '', '', due_at, jsonb_build_object('prebooking', id)
FROM prebooking ORDER BY due_at
"""
DISPATCHED = "SELECT count(*) FROM wildrydes_message WHERE type = 'v1.instant-ride.request'"
LATENESS = """
SELECT extract(epoch FROM pg_xact_commit_timestamp(message.xmin) - prebooking.due_at)::float8
FROM wildrydes_message AS message
JOIN ride_prebooking_prebooking AS prebooking ON prebooking.id::text = message.subject
WHERE message.type = 'v1.instant-ride.request'
"""
OPENED = "SELECT count(*) FROM wildrydes_scatter"


def due_dispatch(bench: Bench) -> Result:
    """Measure how late each request was made."""
    bench.ground.prepare_shipped()
    sizes = bench.sizes
    with running(bench.ground, LIVE) as one:
        one.effects.sql.execute(LATER.format(future=sizes.future).encode())
        one.effects.sql.execute("VACUUM (ANALYZE) wildrydes_unrouted, wildrydes_message")
        one.start_consumers()
        one.start_flower()
        run(["manage.py", "queues", "limit", QUEUE, str(PER_SECOND)], one.environment)
        late = _late(bench, one)
        opened = one.effects.number(OPENED)
    p99 = percentile(late, 0.99)
    bench.say(f"p99 {p99:.2f} s, at most {max(late):.2f} s; {opened:,} requests opened meanwhile")
    return Result(
        row="due-dispatch",
        unit="s, p99",
        goal=f"<= {LATEST_SECONDS:g} s after it was due, at the rate the rest can take",
        ours=p99,
        met=p99 <= LATEST_SECONDS,
        details={
            "rounds": 1,
            "due": sizes.due,
            "within_seconds": sizes.due_seconds,
            "for_later": sizes.future,
            "p50_seconds": percentile(late, 0.5),
            "worst_seconds": max(late),
            "requests_for_quotes_a_second_at_most": PER_SECOND,
            "requests_opened_meanwhile": opened,
        },
    )


def _late(bench: Bench, one: Running) -> list[float]:
    sizes = bench.sizes
    values = {"notice": NOTICE_SECONDS, "seconds": sizes.due_seconds, "due": sizes.due}
    one.effects.sql.execute(DUE.format(**values).encode())
    deadline = time.monotonic() + NOTICE_SECONDS + sizes.due_seconds + PATIENCE_SECONDS
    while one.effects.number(DISPATCHED) < sizes.due:
        one.check()
        if time.monotonic() > deadline:
            raise RuntimeError(f"not dispatched {PATIENCE_SECONDS:g} s after the last was due")
        time.sleep(LOOK_SECONDS)
    return [float(str(row[0])) for row in one.effects.sql.execute(LATENESS).fetchall()]
