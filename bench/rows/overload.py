"""Overload: half as many rides again as we can sustain.

Goodput is how many rides a second had all their effects committed while the load lasted. What is
not accepted has to be refused politely: 429 or 503 with Retry-After. Whatever was accepted has to
have all its effects in the end, however long that takes. The row says what happens, also where
nothing refuses anything: then the backlog grows in Postgres, and memory must not.
"""

from __future__ import annotations

import time

from bench.figures import percentile, ratio
from bench.load.generators import Report, open_loop
from bench.results import Result
from bench.rows.context import Bench, wait_while_it_goes_on
from bench.rows.latency import start_everything
from bench.rows.sustained import our_rate
from bench.running import Running, running
from bench.sides import WILD_RYDES
from bench.subscribers import DELIVERIES_PER_EVENT
from bench.watch import watched

TOO_MUCH, GOOD_SHARE, GROWTH = 1.5, 0.9, 1.25
CONNECTIONS = 512
PATIENCE_SECONDS = 120.0
COMPLETE = """
SELECT count(*) FROM (
    SELECT 1 FROM bench_service_effect GROUP BY event_id HAVING count(*) = {all}
) AS whole
""".replace("{all}", str(DELIVERIES_PER_EVENT))


def overload(bench: Bench) -> Result:
    """Send too much, then wait for everything that was accepted."""
    sustained = our_rate(bench)
    seconds = bench.sizes.overload_seconds
    with running(bench.ground, WILD_RYDES) as one:
        start_everything(one)
        one.effects.clear()
        accepted_before = _messages(one)
        with watched(one) as cost:
            report = open_loop(
                one.port,
                one.target.rides(),
                rate=TOO_MUCH * sustained,
                seconds=seconds,
                connections=CONNECTIONS,
            )
            whole = one.effects.number(COMPLETE)
        ended = time.monotonic()
        committed = _messages(one) - accepted_before
        _wait_for_all(one, committed)
        drained = time.monotonic() - ended
        missing = committed - one.effects.number(COMPLETE)
    goodput = whole / (seconds + report.overrun)
    impolite = report.sent - report.accepted - report.refused_politely
    lost = max(missing, report.accepted - committed)
    return Result(
        row="overload",
        unit="rides/s, goodput",
        goal=">= 90% of the sustained rate; the rest 429 or 503; nothing lost; memory bounded",
        ours=goodput,
        ratios={"sustained": ratio(goodput, sustained)},
        met=goodput >= GOOD_SHARE * sustained
        and impolite == 0
        and lost == 0
        and not _is_late(report)
        and cost.is_flat(by=GROWTH),
        details={
            "offered_a_second": TOO_MUCH * sustained,
            "sustained_a_second": sustained,
            "seconds_of_load": seconds,
            "answers": {str(status): count for status, count in sorted(report.statuses.items())},
            "refused_politely": report.refused_politely,
            "answers_p99_ms": 1e3 * percentile(report.latencies or [0.0], 0.99),
            "answers_late_by_seconds": report.overrun,
            "accepted_and_not_yet_done_at_the_end": committed - whole,
            "seconds_until_all_was_done": drained,
            "accepted_and_lost": lost,
            "peak_rss_mib": cost.peaks,
            "rss_first_and_second_half_mib": cost.halves,
            "redis_peak_mib": cost.redis_peak_mib,
            "rounds": 1,
        },
    )


def _wait_for_all(one: Running, committed: int) -> None:
    wait_while_it_goes_on(one, committed * DELIVERIES_PER_EVENT, patience=PATIENCE_SECONDS)


def _messages(one: Running) -> int:
    return one.effects.number("SELECT count(*) FROM wildrydes_message")


def _is_late(report: Report) -> bool:
    """Say whether answers came long after the load: absorbed without bound, not answered."""
    return report.overrun > 1.0
