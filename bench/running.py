"""A side that runs: a database and a Redis database of its own, and the processes it takes."""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx
from django.utils.module_loading import import_string

from bench import sides
from bench.effects import Effects
from bench.ground import Ground, run
from bench.load.requests import Target
from bench.sides import Side
from config.env import ENV, PROJECT_ROOT
from config.supervisor import programs
from config.supervisor.services import ChildProcess
from tests.ports import free_port

READY_SECONDS = 60.0
STOP_SECONDS = 4.0
LOG_TAIL = 2000  # characters
PATIENT = {"WILDRYDES_ADMISSION_LAG": "86400"}
PEERS_SERVER = {"asginl": "wsgi", "config.asgi:application": "bench.peers.wsgi:application"}
PEERS_THREADS = ("--blocking-threads", "8")


class Running:
    """The processes of one side. Ours are the commands of `make up`, flags and all."""

    def __init__(self, ground: Ground, side: Side, *, database: str) -> None:
        self.ground, self.side, self.database = ground, side, database
        self.effects = Effects(ground.postgres.database_url(database), lag_origin=side.lag_origin)
        self.processes: dict[str, ChildProcess] = {}
        self._redis_db = sides.REDIS_DB[side.name]
        self._directory = ground.directory / database
        self._directory.mkdir(exist_ok=True)
        self._env = dataclasses.replace(
            ENV,
            state_dir=self._directory,
            host="127.0.0.1",
            port=free_port(),
            flower_port=free_port(),
            log_level="INFO",
        )

    @property
    def environment(self) -> dict[str, str]:
        """Return what every process of this side is told."""
        return {
            **self.ground.environment(database=self.database, redis_db=self._redis_db),
            "DJANGO_SETTINGS_MODULE": self.side.settings,
            "BENCH_PEER": self.side.module or "plain",
            "WILDRYDES_STATE_DIR": str(self._directory),
        }

    @property
    def port(self) -> int:
        """Return where web listens."""
        return self._env.port

    @property
    def target(self) -> Target:
        """Return where requests go."""
        token = self.ground.tokens[self.side.template]
        return Target(self._env.port, token, self.side.extra)

    def fill(self, events: int, *, singly: bool = False) -> None:
        """Publish or enqueue events, in the side's own way, and wait until that is done."""
        arguments = ["-m", "bench.peers.enqueue", str(events)]
        if self.side.is_ours:
            arguments = ["manage.py", "bench_publish", "--events", str(events)]
            arguments += ["--singly"] if singly else []
        run(arguments, self.environment)

    def start_web(self, *, alone: bool = False, throttles: str = "") -> None:
        """Start granian with the flags of `make up`, for peers on WSGI; wait until it answers.

        It stays on one processor, as there, and on the same one for every side. With no relay
        beside it, it would soon refuse everything: `alone` it is told to be patient. Without
        `throttles` it refuses nobody for calling too often.
        """
        web = dataclasses.replace(programs.web(self._env), processor=min(os.sched_getaffinity(0)))
        if not self.side.is_ours:
            command = (*(PEERS_SERVER.get(part, part) for part in web.command), *PEERS_THREADS)
            web = dataclasses.replace(web, command=command)
        if alone:
            web = dataclasses.replace(web, environment={**web.environment, **PATIENT})
        if throttles:
            limits = {"WILDRYDES_THROTTLES": throttles}
            web = dataclasses.replace(web, environment={**web.environment, **limits})
        self._start(web)
        url = f"http://127.0.0.1:{self._env.port}/healthz"
        _wait(lambda: _answers(url), what=f"{self.side.name}: web")

    def start_consumers(self, *, workers: int = 0, relays: int = 1) -> None:
        """Start what takes the events to their effects; our relay when our workers are ready.

        `workers` are those of each group, as many as the topology says unless it is given.
        """
        if not self.side.is_ours:
            for number, command in enumerate(self.side.workers):
                self._start(self._child(f"worker{number}", command))
            return
        topology = import_string(self.side.topology)
        groups = [
            dataclasses.replace(group, processes=workers or group.processes)
            for group in topology.workers
        ]
        started = programs.workers(self._env, dataclasses.replace(topology, workers=tuple(groups)))
        for worker in started:
            self._start(worker)
        for worker in started:
            _wait(partial(_says_ready, worker.log_file), what=worker.name)
        for number in range(relays):
            self.start_relay(number)

    def start_relay(self, number: int = 0) -> None:
        """Start one relay of ours."""
        self._start(dataclasses.replace(programs.relay(self._env), name=f"relay{number}"))

    def start_flower(self) -> None:
        """Start Flower, where `make up` has it: on our side; wait until it answers."""
        if self.side.is_ours:
            self._start(programs.flower(self._env))
            url = f"http://127.0.0.1:{self._env.flower_port}/healthcheck"
            _wait(lambda: _answers(url), what="Flower")

    def end(self, name: str) -> None:
        """End one process."""
        self.processes.pop(name).stop(seconds=STOP_SECONDS)

    def stop(self) -> None:
        """End every process, and forget what is left on the wire."""
        for process in self.processes.values():
            process.ask_to_stop()
        deadline = time.monotonic() + STOP_SECONDS
        for process in self.processes.values():
            process.stop(seconds=deadline - time.monotonic())
        self.processes.clear()
        with self.ground.redis(self._redis_db) as client:
            client.flushdb()

    def check(self) -> None:
        """Raise `RuntimeError`, with what it wrote last, when a process has ended by itself."""
        for name, process in self.processes.items():
            if not process.is_running:
                raise RuntimeError(f"{self.side.name}: {name} ended:\n{self.log(name)}")

    def log(self, name: str) -> str:
        """Return what a process wrote last."""
        return self.processes[name].log_file.read_text(errors="replace")[-LOG_TAIL:]

    def _child(self, name: str, command: Sequence[str]) -> ChildProcess:
        log = self._env.layout.logs_dir / f"{name}.log"
        return ChildProcess(name, tuple(command), Path(PROJECT_ROOT), log)

    def _start(self, child: ChildProcess) -> None:
        environment = {**self.environment, **child.environment}
        child = dataclasses.replace(child, environment=environment)
        child.start()
        self.processes[child.name] = child


@contextmanager
def running(ground: Ground, side: Side, *, template: str = "") -> Iterator[Running]:
    """Yield a side on a new database, with nothing started; stop and drop it at the end."""
    made = Running(ground, side, database=ground.copy(template or side.template))
    try:
        yield made
    finally:
        made.stop()
        made.effects.close()
        ground.drop(made.database)


def _wait(condition: Callable[[], Any], *, what: str) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError(f"not ready after {READY_SECONDS:g} s: {what}")
        time.sleep(0.05)


def _says_ready(log: Path) -> bool:
    return b" ready." in log.read_bytes()


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, trust_env=False).status_code < 500
    except httpx.TransportError:
        return False
