"""The processes of one deployment, looked after as `make up` would: what dies is started again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from config.embedded import processes
from config.env import PROJECT_ROOT
from tests.acceptance.stage import Stage, wait_until
from tests.faults.topology import QUEUE_NAMES

LOOK_SECONDS = 0.02
RESTART_SECONDS = 0.5
TERMINATE_SECONDS = 15.0
QUIETLY = {"WILDRYDES_LOG_LEVEL": "WARNING"}


@dataclass(frozen=True)
class Death:
    """A process that ended: which, how (a status, or minus the signal), and when (epoch)."""

    name: str
    code: int
    at: float


@dataclass
class Deployment(Stage):
    """A stage whose processes are supervised, each in a session (and so a group) of its own.

    The processes end with the thread that started them, so that none outlives this run.
    """

    settings: str = "tests.faults.settings"
    relays: int = 1
    workers: int = 2
    queues: tuple[str, ...] = QUEUE_NAMES
    apart: tuple[tuple[str, ...], ...] = ()
    deaths: list[Death] = field(default_factory=list)
    _commands: dict[str, list[str]] = field(default_factory=dict)
    _extra: dict[str, dict[str, str]] = field(default_factory=dict)
    _due: dict[str, float] = field(default_factory=dict)
    _buried: set[str] = field(default_factory=set)
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _ending: threading.Event = field(default_factory=threading.Event)

    @property
    def worker_names(self) -> tuple[str, ...]:
        """Return the names of the workers."""
        return tuple(f"worker{number}" for number in range(1, self.workers + 1))

    @property
    def relay_names(self) -> tuple[str, ...]:
        """Return the names of the relays."""
        return tuple(f"relay{number}" for number in range(1, self.relays + 1))

    @property
    def names(self) -> tuple[str, ...]:
        """Return the name of every process."""
        return ("web", *self.relay_names, *self.worker_names)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Start everything, look after it during the block, and stop it."""
        watcher = threading.Thread(target=self._watch, name="supervisor", daemon=True)
        try:
            self.start_all()
            watcher.start()
            yield
        finally:
            self._ending.set()
            if watcher.ident is not None:
                watcher.join()
            self.stop()

    def start_all(self) -> None:
        """Start every process and return when web answers."""
        for name in self.relay_names:
            self._spawn(name, [sys.executable, "manage.py", "relay"])
        for name in self.worker_names:
            self.start_worker(name, queues=self._queues_of(name))
        self.start_web()

    def start_worker(self, name: str = "worker", *, queues: Sequence[str] = ()) -> None:
        """Start one worker for the given queues, as `make up` does."""
        flags = ["--pool", "solo", "-n", f"{name}@%h", "--queues", ",".join(queues or self.queues)]
        alone = ["--without-gossip", "--without-mingle"]
        self._start(name, "celery", "-A", "config", "worker", *flags, *alone)

    def _queues_of(self, name: str) -> tuple[str, ...]:
        own = dict(zip(self.worker_names, self.apart, strict=False))
        taken = {queue for queues in self.apart for queue in queues}
        return own.get(name) or tuple(queue for queue in self.queues if queue not in taken)

    def send(self, name: str, number: signal.Signals) -> None:
        """Send a signal to a process; what dies of it is started again."""
        with self._lock:
            self.processes[name].send_signal(number)

    def kill_hard(self, name: str) -> float:
        """End a process and its children as kill -9 does; return when. It is started again.

        One that is dead already, and not started again yet, is waited for.
        """
        wait_until(lambda: self._killed(name), what=f"{name} is there to be killed")
        return time.time()

    def _killed(self, name: str) -> bool:
        with self._lock:
            process = self.processes[name]
            if process.poll() is not None:
                return False
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return True

    def arm(self, name: str, point: str, nth: int) -> None:
        """Replace a process by one that will die at a crash point, for the `nth` time there."""
        with self._lock:
            self._extra[name] = {"WILDRYDES_CRASH_AT": f"{point}:{nth}"}
            self._end(name)
            self._spawn(name, self._commands[name])

    def disarm(self, name: str) -> None:
        """Replace an armed process that did not die by an ordinary one."""
        with self._lock:
            self._extra.pop(name, None)
            self._end(name)
            self._spawn(name, self._commands[name])

    def restart(self, name: str) -> None:
        """Stop one process in order, and start it again."""
        self.disarm(name)

    def wait_for_death(self, name: str, *, since: int, seconds: float) -> Death | None:
        """Return the process's first death after the `since` first deaths, if it comes in time."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for death in self.deaths[since:]:
                if death.name == name:
                    return death
            time.sleep(LOOK_SECONDS)
        return None

    def stop(self) -> None:
        """End every process; stopped ones are continued first, so that they can."""
        with self._lock:
            for process in self.processes.values():
                if process.poll() is None:
                    process.send_signal(signal.SIGCONT)
                    process.terminate()
            for name in list(self.processes):
                self._end(name)
            self.processes.clear()

    def _watch(self) -> None:
        while not self._ending.wait(LOOK_SECONDS):
            with self._lock:
                for name, process in list(self.processes.items()):
                    if process.poll() is not None:
                        self._bury(name, process)

    def _bury(self, name: str, process: subprocess.Popen[bytes]) -> None:
        if name not in self._buried:
            self._buried.add(name)
            self._kill_children(process)
            self._extra.pop(name, None)
            self.deaths.append(Death(name, int(process.returncode), time.time()))
        if time.monotonic() >= self._due[name]:
            self._spawn(name, self._commands[name])

    def _end(self, name: str) -> None:
        process = self.processes[name]
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(timeout=TERMINATE_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._kill_children(process)

    def _kill_children(self, process: subprocess.Popen[bytes]) -> None:
        """End what a dead process left in its group; granian's worker outlives its parent."""
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return

    def _spawn(self, name: str, command: list[str]) -> None:
        self._commands[name] = command
        self._due[name] = time.monotonic() + RESTART_SECONDS
        self._buried.discard(name)
        self.directory.mkdir(parents=True, exist_ok=True)
        environment = {**self.environment, **QUIETLY, **self._extra.get(name, {})}
        with (self.directory / f"{name}.log").open("ab") as log:
            self.processes[name] = processes.spawn(
                command, output=log, cwd=Path(PROJECT_ROOT), environment=environment
            )

    def post(self, path: str, body: Any) -> Any:
        """Post until it is accepted; return the answer."""

        def accepted() -> Any:
            try:
                answer = httpx.post(f"{self.url}{path}", json=body, timeout=10, trust_env=False)
            except httpx.TransportError:
                return None
            return answer.json() if answer.is_success else None

        return wait_until(accepted, what=f"POST {path} is accepted")

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/healthz", trust_env=False).status_code == 200
        except httpx.TransportError:
            return False
