"""How much of everything: so that the whole takes about an hour on two cores.

Peers get fewer events than we do where only a rate is measured: at a fiftieth of the rate, the
same backlog would take them the whole hour. A short backlog is no handicap to them.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """Seconds, events and requests of each row. `events` are ours, `peer_events` theirs."""

    rounds: int = 5
    connections: int = 16
    accept_seconds: float = 3.0
    batch_items: int = 500
    batch_connections: int = 2
    sustained_probes: int = 5
    probe_seconds: float = 5.0
    hold_seconds: float = 60.0
    holds: int = 4
    events: int = 100_000
    single_events: int = 10_000
    peer_events: int = 500
    idle_requests: int = 100
    idle_pause: float = 0.05
    half_seconds: float = 300.0
    overload_seconds: float = 60.0
    growth_stored: tuple[int, ...] = (10_000, 100_000, 1_000_000, 3_000_000)
    growth_events: int = 5_000
    growth_requests: int = 30
    scale_events: int = 10_000
    scale_rounds: int = 2
    push_messages: int = 100_000
    rfqs: int = 1_200
    peer_rfqs: int = 100
    idle_rfqs: int = 40
    overdue_rfqs: int = 1_000
    overdue_seconds: float = 3.0
    live_rfqs: int = 100
    streams: int = 1_000
    crowds: int = 4
    rides_beside: float = 50.0
    sagas: int = 2_000
    peer_sagas: int = 200
    idle_sagas: int = 40
    stored_sagas: int = 1_000_000
    lake_events: int = 20_000
    burst: int = 20_000
    beside_burst: float = 100.0
    beside_seconds: float = 5.0
    due: int = 10_000
    due_seconds: float = 60.0
    future: int = 1_000_000


FULL = Sizes()
QUICK = Sizes(
    rounds=1,
    accept_seconds=1.0,
    batch_items=100,
    sustained_probes=3,
    probe_seconds=2.0,
    hold_seconds=3.0,
    holds=1,
    events=1_000,
    single_events=300,
    peer_events=60,
    idle_requests=10,
    half_seconds=5.0,
    overload_seconds=3.0,
    growth_stored=(1_000, 5_000),
    growth_events=500,
    growth_requests=5,
    scale_events=500,
    scale_rounds=1,
    push_messages=10_000,
    rfqs=100,
    peer_rfqs=20,
    idle_rfqs=5,
    overdue_rfqs=50,
    overdue_seconds=1.0,
    live_rfqs=5,
    streams=20,
    crowds=1,
    rides_beside=5.0,
    sagas=200,
    peer_sagas=20,
    idle_sagas=5,
    stored_sagas=2_000,
    lake_events=1_000,
    burst=1_000,
    beside_burst=20.0,
    beside_seconds=2.0,
    due=100,
    due_seconds=5.0,
    future=5_000,
)
