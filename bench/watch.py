"""What a stretch of work costs: Redis commands, log syncs, CPU, and memory over time."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import psutil

from bench.ground import Ground
from bench.running import Running

SAMPLE_SECONDS = 0.25
SYNCS = "SELECT coalesce(sum(fsyncs), 0) FROM pg_stat_io WHERE object = 'wal'"
OWN_COMMANDS = {"cmdstat_info"}
MIB = 1024 * 1024


@dataclass
class Cost:
    """The difference between the end and the start. Memory is in MiB, CPU in seconds.

    `halves` are each process's peak in the first and in the second half of the samples.
    """

    commands: int = 0
    syncs: int = 0
    cpu: dict[str, float] = field(default_factory=dict)
    memory: dict[str, list[float]] = field(default_factory=dict)
    redis_peak_mib: float = 0.0

    @property
    def peaks(self) -> dict[str, float]:
        """Return each process's peak RSS."""
        return {name: max(samples) for name, samples in self.memory.items() if samples}

    @property
    def halves(self) -> dict[str, tuple[float, float]]:
        """Return the peaks of the first and of the second half."""
        return {
            name: (max(one[: len(one) // 2]), max(one[len(one) // 2 :]))
            for name, one in self.memory.items()
            if len(one) > 1
        }

    def is_flat(self, *, by: float = 1.1) -> bool:
        """Say whether no process grew in the second half by more than this factor."""
        return all(second <= by * first for first, second in self.halves.values())


@contextmanager
def watched(running: Running) -> Iterator[Cost]:
    """Fill the cost in when the block has ended; the processes must still run then."""
    cost, roots = Cost(), _roots(running)
    stop = threading.Event()
    sampler = threading.Thread(target=_sample, args=(cost, roots, stop), daemon=True)
    commands, syncs = _commands(running.ground), _syncs(running.ground)
    before = {name: _cpu(process) for name, process in roots.items()}
    sampler.start()
    try:
        yield cost
    finally:
        stop.set()
        sampler.join()
        cost.cpu = {name: _cpu(process) - before[name] for name, process in roots.items()}
        cost.commands = _commands(running.ground) - commands
        stop.clear()
        stop.wait(1.5)  # a backend reports its statistics once a second
        cost.syncs = _syncs(running.ground) - syncs
        with running.ground.redis() as client:
            cost.redis_peak_mib = float(client.info("memory")["used_memory_peak"]) / MIB


@contextmanager
def redis_memory(running: Running) -> Iterator[list[float]]:
    """Fill in, four times a second, how many MiB of data Redis holds."""
    held, stop = list[float](), threading.Event()

    def sample() -> None:
        with running.ground.redis() as client:
            while not stop.wait(SAMPLE_SECONDS):
                held.append(float(client.info("memory")["used_memory"]) / MIB)

    sampler = threading.Thread(target=sample, daemon=True)
    sampler.start()
    try:
        yield held
    finally:
        stop.set()
        sampler.join()


def _roots(running: Running) -> Mapping[str, psutil.Process]:
    own = {name: psutil.Process(child.pid) for name, child in running.processes.items()}
    ground = running.ground
    servers = {"postgres": ground.postgres.pid, "valkey": ground.valkey.pid}
    return own | {name: psutil.Process(pid) for name, pid in servers.items()}


def _commands(ground: Ground) -> int:
    with ground.redis() as client:
        found = client.info("commandstats")
    return sum(one["calls"] for name, one in found.items() if name not in OWN_COMMANDS)


def _syncs(ground: Ground) -> int:
    with ground.admin() as admin:
        row = admin.execute(SYNCS).fetchone()
    return int(str(row[0])) if row else 0


def _cpu(process: psutil.Process) -> float:
    """Return the CPU seconds of a process and of all its children, those that ended included."""
    with contextlib.suppress(psutil.NoSuchProcess):
        times = process.cpu_times()
        own = times.user + times.system + times.children_user + times.children_system
        return float(own) + sum(_cpu(child) for child in process.children())
    return 0.0


def _sample(cost: Cost, roots: Mapping[str, psutil.Process], stop: threading.Event) -> None:
    """Take the memory of what runs now, by name; looking for new children costs too much CPU."""
    families = {name: _family(root) for name, root in roots.items() if name != "postgres"}
    while not stop.wait(SAMPLE_SECONDS):
        for name, family in families.items():
            cost.memory.setdefault(name, []).append(sum(map(_rss, family)) / MIB)


def _family(process: psutil.Process) -> list[psutil.Process]:
    with contextlib.suppress(psutil.NoSuchProcess):
        return [process, *process.children(recursive=True)]
    return []


def _rss(process: psutil.Process) -> int:
    with contextlib.suppress(psutil.NoSuchProcess):
        return int(process.memory_info().rss)
    return 0
