"""Who is measured, and which programs that takes."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace

from bench import ground

PEER_RIDES = "usual_way_ride AS origin ON effect.event_id = lpad(to_hex(origin.id), 32, '0')::uuid"
QUIET = ("--without-gossip", "--without-mingle", "--without-heartbeat")


@dataclass(frozen=True)
class Side:
    """One way of doing it. `workers` are the commands of two worker processes together."""

    name: str
    module: str = ""
    workers: tuple[tuple[str, ...], ...] = ()
    template: str = ground.PEERS
    settings: str = "bench.peers.settings"
    extra: tuple[tuple[str, str], ...] = (("ride", "r-1"),)
    lag_origin: str = PEER_RIDES
    topology: str = "bench.topology.TOPOLOGY"

    @property
    def is_ours(self) -> bool:
        """Say whether this is Wild Rydes."""
        return self.template != ground.PEERS


def _python(*arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", *arguments)


def _celery(module: str, *flags: str) -> tuple[str, ...]:
    app = f"bench.peers.{module}"
    return _python("celery", "-A", app, "worker", "--loglevel", "WARNING", *flags)


WILD_RYDES = Side(
    name="ours",
    template=ground.OURS,
    settings="bench.settings",
    extra=(),
    lag_origin="wildrydes_message AS origin ON effect.event_id = origin.id",
)
ASKING = replace(
    WILD_RYDES,
    name="ours, asking",
    settings="bench.asking.settings",
    topology="bench.asking.topology.TOPOLOGY",
)
ONE_APART = replace(ASKING, topology="bench.asking.topology.ONE_APART")
SAGAS = replace(
    WILD_RYDES,
    name="ours, sagas",
    settings="bench.sagas.settings",
    topology="bench.sagas.topology.TOPOLOGY",
    template=ground.SAGAS,
)
SAGAS_STORED = replace(SAGAS, name="ours, sagas stored")
LIVE = replace(
    WILD_RYDES,
    name="ours, as shipped",
    template=ground.SHIPPED,
    settings="config.settings.local",
    topology="config.topology.TOPOLOGY",
)
PLAIN = Side(name="plain")
CELERY = Side(
    name="celery",
    module="celery_stock",
    workers=(_celery("celery_stock", "--concurrency", "2"),),
)
CELERY_TUNED = Side(
    name="celery-tuned",
    module="celery_tuned",
    workers=tuple(
        _celery("celery_tuned", "--pool", "solo", "-n", f"tuned{number}@%h", *QUIET)
        for number in (1, 2)
    ),
)
DRAMATIQ = Side(
    name="dramatiq",
    module="with_dramatiq",
    workers=(
        _python("dramatiq", "bench.peers.with_dramatiq", "--processes", "2", "--threads", "8"),
    ),
)
TASKIQ = Side(
    name="taskiq",
    module="with_taskiq",
    workers=(
        _python(
            *("taskiq", "worker", "bench.peers.with_taskiq:broker", "--workers", "2"),
            *("--max-threadpool-threads", "8", "--no-parse", "--ack-type", "when_executed"),
            *("--log-level", "WARNING"),
        ),
    ),
)
CELERY_CHORD = Side(
    name="celery-chord",
    workers=tuple(
        _celery("celery_chord", "--pool", "solo", "-n", f"chord{number}@%h", *QUIET)
        for number in (1, 2)
    ),
)
CELERY_CHAIN = Side(
    name="celery-chain",
    workers=(_celery("celery_chain", "--concurrency", "2"),),
)
CELERY_CHAIN_TUNED = Side(
    name="celery-chain-tuned",
    workers=tuple(
        _celery("celery_chain_tuned", "--pool", "solo", "-n", f"chain{number}@%h", *QUIET)
        for number in (1, 2)
    ),
)
DBOS = Side(
    name="dbos",
    workers=tuple(_python("bench.peers.with_dbos", f"worker{number}") for number in (1, 2)),
)

PEERS: Sequence[Side] = (CELERY, CELERY_TUNED, DRAMATIQ, TASKIQ)
CHAINS: Sequence[Side] = (CELERY_CHAIN, CELERY_CHAIN_TUNED, DBOS)
EVERYBODY = (WILD_RYDES, PLAIN, *PEERS, ASKING, CELERY_CHORD, LIVE, SAGAS, SAGAS_STORED, *CHAINS)
REDIS_DB = {side.name: number for number, side in enumerate(EVERYBODY)}
