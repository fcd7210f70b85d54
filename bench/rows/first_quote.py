"""First quote: from the moment that a fleet's quote is recorded to the client that reads it.

Everything as `make up` has it: ten fleets, some slow, some silent, and their unicorns. A client
asks, opens the request's event stream over a connection that stands, and reads on until the first
quote is there; first alone, then beside many open streams and rides that are reported, in several
crowds, since no request stays open for more than a minute. The moment that a quote was given is
`received_at`, the database's clock, on the same machine.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from bench.figures import percentile
from bench.load.streams import Asker, FirstQuote, Stream
from bench.results import Result
from bench.rows.context import Bench
from bench.running import Running, running
from bench.sides import LIVE
from config.env import PROJECT_ROOT

DEADLINE = 10  # seconds
WARM_UP = 10
P50_MS, P99_MS = 20.0, 100.0
MS = 1e3


def first_quote(bench: Bench) -> Result:
    """Measure alone, and beside the crowd."""
    bench.ground.prepare_shipped()
    with running(bench.ground, LIVE) as one:
        one.start_consumers()
        one.start_flower()
        one.start_web()
        _ask(bench, one, requests=WARM_UP)
        alone = _ask(bench, one, requests=bench.sizes.live_rfqs)
        beside, left = list[FirstQuote](), list[int]()
        for _ in range(bench.sizes.crowds):
            with _crowd(bench, one) as still_open:
                beside += _ask(bench, one, requests=bench.sizes.live_rfqs // bench.sizes.crowds)
            left += still_open
    shown = {"alone": _percentiles(alone), "beside": _percentiles(beside)}
    bench.say(f"p50, p99: {shown}")
    return Result(
        row="rfq-first-quote",
        unit="ms, p50",
        goal=f"stated; aim p50 {P50_MS:g}, p99 {P99_MS:g}",
        ours=shown["alone"]["p50"],
        met=None,
        details={
            "rounds": 1,
            "requests": bench.sizes.live_rfqs,
            "alone_ms": shown["alone"],
            "beside_open_streams_ms": shown["beside"],
            "open_streams": {"at_first": bench.sizes.streams, "at_last": min(left)},
            "rides_a_second_beside": bench.sizes.rides_beside,
            "closed_without_a_quote": {
                "alone": bench.sizes.live_rfqs - len(alone),
                "beside": bench.sizes.live_rfqs - len(beside),
            },
            "given_before_the_stream_stood": {
                "alone": sum(quote.was_there for quote in alone),
                "beside": sum(quote.was_there for quote in beside),
            },
        },
    )


def _ask(bench: Bench, one: Running, *, requests: int) -> list[FirstQuote]:
    asker = Asker(one.port, bench.ground.customer_token, deadline=DEADLINE)
    found = [_one(bench, one, asker) for _ in range(requests)]
    return [quote for quote in found if quote]


def _one(bench: Bench, one: Running, asker: Asker) -> FirstQuote | None:
    stream = Stream(one.port, bench.ground.customer_token)
    try:
        stream.open(asker.ask())
        return stream.first_quote()
    finally:
        stream.close()
        time.sleep(bench.sizes.idle_pause)


@contextmanager
def _crowd(bench: Bench, one: Running) -> Iterator[list[int]]:
    """Keep streams open and rides coming; fill in how many streams were left at the end."""
    tokens = (bench.ground.customer_token, bench.ground.tokens[LIVE.template])
    amounts = (str(bench.sizes.streams), str(bench.sizes.rides_beside))
    command = (sys.executable, "-m", "bench.load.bystanders", str(one.port), *tokens, *amounts)
    left = list[int]()
    with subprocess.Popen(
        command, cwd=PROJECT_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as crowd:
        try:
            _expect(crowd, "ready")
            yield left
            left.append(int(crowd.communicate()[0]))
        finally:
            crowd.kill()


def _expect(crowd: subprocess.Popen[str], word: str) -> None:
    assert crowd.stdout is not None
    if crowd.stdout.readline().strip() != word:
        raise RuntimeError("the open streams did not come about")


def _percentiles(quotes: Sequence[FirstQuote]) -> dict[str, float]:
    lags = [quote.lag for quote in quotes]
    return {"p50": MS * percentile(lags, 0.5), "p99": MS * percentile(lags, 0.99)}
