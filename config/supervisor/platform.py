"""The whole platform, from empty directory to ready and back to nothing.

Guarantee: it says it is ready only when web, workers, Flower and payment sandbox answer; whatever
way it ends, it leaves no process behind; a failure to start says which part failed and where it
wrote.
"""

from __future__ import annotations

import contextlib
import sys
import time
from typing import TextIO

from django.core.management import CommandError
from django.core.management.base import SystemCheckError
from django.db import DatabaseError

from config import celery_app
from config.embedded import errors as embedded_errors
from config.embedded import postgres, processes, valkey
from config.env import Environment
from config.supervisor import (
    announcement,
    errors,
    ports,
    presence,
    probes,
    programs,
    seeding,
    services,
    supervision,
)
from config.topology import TOPOLOGY

READY_SECONDS = 60.0
LEFTOVER_PATIENCE_SECONDS = 8.0
LOG_TAIL_BYTES = 2000
CAUSES = (
    embedded_errors.EmbeddedServerError,
    DatabaseError,
    CommandError,
    SystemCheckError,
    OSError,
)


class Platform:
    """Everything that `manage.py up` runs."""

    def __init__(self, *, env: Environment, output: TextIO) -> None:
        self._env = env
        self._output = output
        self._workers = programs.workers(env, TOPOLOGY)
        self._supervisor = supervision.Supervisor(stages=self._stages(), say=self._say)
        self.url = f"http://{_bracketed(env.host)}:{env.port}"

    def run(self) -> None:
        """Start, say that it is ready, and stay until a signal asks for the end.

        Raises `PlatformError` when it cannot start. Nothing is left running in any case.
        """
        with (
            supervision.stopped_by_signals(),
            presence.claimed(self._env.layout, url=self.url) as after_crash,
        ):
            self._check_ports(patience=LEFTOVER_PATIENCE_SECONDS if after_crash else 0.0)
            try:
                self._start()
                self._supervisor.watch()
            except supervision.StopRequested:
                self._say("Stopping Wild Rydes.")
            except CAUSES as error:
                raise errors.PlatformError(f"Wild Rydes cannot start: {error}") from error
            finally:
                with supervision.undisturbed():
                    self._supervisor.stop()
            self._say("Wild Rydes has stopped. Its data stays for the next start.")

    def _start(self) -> None:
        self._start_servers()
        (self._env.state_dir / "static").mkdir(parents=True, exist_ok=True)
        self._say("Bringing the database up to date.")
        accounts = seeding.prepare_database()
        children = [
            programs.web(self._env),
            programs.relay(self._env),
            *self._workers,
            programs.flower(self._env),
            *self._sandbox(),
        ]
        self._say(f"Starting {', '.join(child.name for child in children)}.")
        for child in children:
            self._supervisor.start(child)
        self._wait_until_ready()
        announcement.print_table(self._env, accounts, url=self.url, stream=self._output)
        self._say(f"Wild Rydes is ready: {self.url}")

    def _sandbox(self) -> list[services.ChildProcess]:
        return [programs.sandbox(self._env)] if self._env.runs_sandbox else []

    def _start_servers(self) -> None:
        if self._env.embedded_postgres:
            self._say("Starting PostgreSQL.")
            self._supervisor.start(postgres.EmbeddedPostgres(directory=self._env.state_dir))
        if self._env.embedded_valkey:
            self._say("Starting Valkey.")
            self._supervisor.start(valkey.EmbeddedValkey(directory=self._env.state_dir))

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + READY_SECONDS
        waiting = self._not_ready()
        while waiting:
            fallen = self._supervisor.fallen()
            if fallen is not None:
                raise errors.PlatformError(_obituary(fallen))
            if time.monotonic() > deadline:
                raise errors.PlatformError(
                    f"Not ready after {READY_SECONDS:g} s: {', '.join(sorted(waiting))}. "
                    f"See {self._env.layout.logs_dir}"
                )
            processes.wait_until(lambda: self._supervisor.fallen() is not None, seconds=0.1)
            waiting = self._not_ready()

    def _not_ready(self) -> frozenset[str]:
        """Ask the cheap questions first, and the workers only when web and Flower answer."""
        pages = {
            "web": f"{self.url}/readyz",
            "flower": f"http://127.0.0.1:{self._env.flower_port}/healthcheck",
        }
        if self._env.runs_sandbox:
            pages[programs.SANDBOX] = f"{self._env.sandbox_url}/sandbox/health"
        silent = frozenset(name for name, page in pages.items() if not probes.answers_ok(page))
        names = frozenset(worker.name for worker in self._workers)
        return silent or probes.missing_workers(celery_app, names)

    def _check_ports(self, *, patience: float) -> None:
        wanted = [
            ports.Port("WILDRYDES_PORT", self._env.host, self._env.port),
            ports.Port("WILDRYDES_FLOWER_PORT", "127.0.0.1", self._env.flower_port),
        ]
        if self._env.runs_sandbox:
            port = self._env.sandbox_port
            wanted.append(ports.Port("WILDRYDES_SANDBOX_PORT", "127.0.0.1", port))
        ports.require_free(*wanted, patience_seconds=patience)

    def _stages(self) -> tuple[supervision.Stage, ...]:
        """Return the order of stopping: first no new work, then no work, then the servers.

        Together nine seconds at the very worst. Work that is broken off is done again from the
        rows, so nobody has to be waited for.
        """
        names = frozenset(worker.name for worker in self._workers)
        return (
            supervision.Stage(names=frozenset({"web"}), seconds=2.5),
            supervision.Stage(names=frozenset({"relay"}), seconds=1.0),
            supervision.Stage(names=names | {"flower"}, seconds=2.5),
            supervision.Stage(names=frozenset({"valkey", programs.SANDBOX}), seconds=0.5),
            supervision.Stage(names=frozenset({"postgres"}), seconds=2.5),
        )

    def _say(self, text: str) -> None:
        with contextlib.suppress(OSError):  # the terminal may be gone; stopping matters more
            self._output.write(f"{text}\n")
            self._output.flush()


def run(env: Environment) -> None:
    """Run the platform and talk on standard output."""
    Platform(env=env, output=sys.stdout).run()


def _obituary(service: services.Service) -> str:
    log = service.log_file.read_bytes()[-LOG_TAIL_BYTES:].decode(errors="replace").strip()
    return f"{supervision.describe_end(service)} before it was ready. It wrote last:\n{log}"


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
