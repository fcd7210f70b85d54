"""Every row of the table, in its order. Each can be run alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bench.results import Result
from bench.rows import (
    accept,
    burst,
    deadlines,
    drain,
    due_dispatch,
    first_quote,
    frugality,
    growth,
    lake_ingest,
    latency,
    overload,
    prebook_accept,
    rfqs,
    saga_stored,
    sagas,
    scale,
    sustained,
)
from bench.rows.context import Bench

Run = Callable[[Bench], Result]

ROWS: Mapping[str, Run] = {
    "accept": accept.accept,
    "accept-batches": accept.accept_in_batches,
    "sustained": sustained.sustained,
    "drain": drain.drain,
    "drain-single": drain.drain_single,
    "frugality": frugality.frugality,
    "latency-idle": latency.idle,
    "latency-half": latency.half_load,
    "overload": overload.overload,
    "growth": growth.growth,
    "scale": scale.scale,
    "rfqs": rfqs.throughput,
    "rfq-latency": rfqs.latency,
    "rfq-overshoot": deadlines.overshoot,
    "rfq-first-quote": first_quote.first_quote,
    "sagas": sagas.throughput,
    "saga-latency": sagas.latency,
    "saga-stored": saga_stored.stored,
    "burst": burst.burst,
    "burst-redis": burst.burst_redis,
    "prebook-accept": prebook_accept.prebook_accept,
    "due-dispatch": due_dispatch.due_dispatch,
    "lake-ingest": lake_ingest.lake_ingest,
}

__all__ = ["ROWS", "Bench", "Run"]
