"""A deployment under test: real web, relay and worker processes on real servers."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import httpx
import psycopg
from psycopg import sql

from config.embedded.postgres import EmbeddedPostgres
from config.embedded.valkey import EmbeddedValkey
from config.env import PROJECT_ROOT
from config.topology import queue_names
from tests.ports import free_port

START_SECONDS = 40.0
STOP_SECONDS = 15.0
PATIENT = {"WILDRYDES_ADMISSION_LAG": "86400"}  # a relay that starts slowly refuses nobody

RIDE = {
    "from": "Berlin",
    "to": "Frankfurt",
    "duration": 420,
    "distance": 600,
    "customer": "cmr",
    "fare": 256.50,
}
FIVE = {
    "customer_accounting.record_fare",
    "customer_loyalty.award_points",
    "customer_notification.notify_customer",
    "datalake_ingestion.collect_events",
    "extraordinary_rides.record_extraordinary_ride",
}
EVERYONE = {*FIVE, "fare_collection.collect"}


def wait_until(condition: Callable[[], Any], *, what: str, seconds: float = 30.0) -> Any:
    """Return the first true value of `condition`; fail, saying what did not happen, otherwise."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.02)
    raise AssertionError(f"within {seconds} s this did not happen: {what}")


@dataclass
class Stage:
    """One database, one Redis database, one settings module, and the processes on them."""

    directory: Path
    database_url: str
    redis_url: str
    settings: str = "config.settings.local"
    port: int = field(default_factory=free_port)
    variables: dict[str, str] = field(default_factory=dict)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    templates: Templates | None = None

    @property
    def url(self) -> str:
        """Return where the web process answers."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def database(self) -> str:
        """Return the name of the database."""
        return unquote(urlsplit(self.database_url).path.removeprefix("/"))

    @property
    def environment(self) -> dict[str, str]:
        """Return the environment of every process of this stage."""
        return {
            **os.environ,
            "DATABASE_URL": self.database_url,
            "REDIS_URL": self.redis_url,
            "DJANGO_SETTINGS_MODULE": self.settings,
            "WILDRYDES_STATE_DIR": str(self.directory),
            "SECRET_KEY": "the-acceptance-tests-use-this-key-and-nothing-else",
            **self.variables,
        }

    def manage(self, *arguments: str) -> str:
        """Run one management command to its end; return what it printed."""
        return self._run(sys.executable, "manage.py", *arguments)

    def prepare(self, *seeds: str) -> dict[str, Any]:
        """Migrate the database, seed it, and return the demo accounts. Nobody may use it yet."""
        if self.templates is not None:
            return self.templates.fill(self, seeds)
        return self.fill(seeds)

    def fill(self, seeds: Sequence[str]) -> dict[str, Any]:
        """Migrate and seed, both in one process: starting one takes longer than the work."""
        accounts: dict[str, Any] = json.loads(
            self._run(sys.executable, "-m", "tests.acceptance.filling", *seeds)
        )
        return accounts

    def start_web(self) -> None:
        """Start the HTTP server and wait until it answers."""
        interface = ["--interface", "asginl", "config.asgi:application"]
        address = ["--host", "127.0.0.1", "--port", str(self.port)]
        self._start("web", "granian", *interface, *address)
        wait_until(self._answers, what="web answers", seconds=START_SECONDS)

    def start_relay(self) -> None:
        """Start a relay."""
        self._spawn("relay", [sys.executable, "manage.py", "relay"])

    def start_worker(self, name: str = "worker", *, queues: Sequence[str] = ()) -> None:
        """Start one worker for the given queues, or for all of them."""
        names = ",".join(queues or queue_names())
        flags = ["--pool", "solo", "-n", f"{name}@%h", "--queues", names, "--loglevel", "INFO"]
        self._start(name, "celery", "-A", "config", "worker", *flags)

    def kill(self, name: str) -> None:
        """End a process as kill -9 does."""
        process = self.processes.pop(name)
        process.send_signal(signal.SIGKILL)
        process.wait()

    def stop(self) -> None:
        """End every process, by force where asking does not help."""
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            try:
                process.wait(timeout=STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.processes.clear()

    def client(self, account: dict[str, Any]) -> httpx.Client:
        """Return an HTTP client that calls as this account."""
        headers = {"Authorization": f"Token {account['token']}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=20)

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        """Ask the database directly."""
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            return connection.execute(statement.encode()).fetchall()

    def count(self, table: str) -> int:
        """Return how many rows a table has."""
        found: int = self.query(f"SELECT count(*) FROM {table}")[0][0]
        return found

    def _run(self, *command: str) -> str:
        done = subprocess.run(
            command, cwd=PROJECT_ROOT, env=self.environment, capture_output=True, text=True
        )
        assert done.returncode == 0, f"{command} failed:\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/healthz").status_code == 200
        except httpx.TransportError:
            return False

    def _start(self, name: str, module: str, *arguments: str) -> None:
        self._spawn(name, [sys.executable, "-m", module, *arguments])

    def _spawn(self, name: str, command: list[str]) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        with (self.directory / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                command, cwd=PROJECT_ROOT, env=self.environment, stdout=log, stderr=log
            )


@dataclass
class Templates:
    """Databases that were migrated and seeded once; a stage that wants the same gets a copy."""

    postgres: EmbeddedPostgres
    accounts: dict[str, dict[str, Any]] = field(default_factory=dict)

    def fill(self, stage: Stage, seeds: Sequence[str]) -> dict[str, Any]:
        """Make the stage's database what its settings, its variables and these seeds make it."""
        wanted = repr((stage.settings, sorted(stage.variables.items()), seeds))
        template = f"template_{sha256(wanted.encode()).hexdigest()[:16]}"
        if template in self.accounts:
            self._copy(template, stage.database)
        else:
            self.accounts[template] = stage.fill(seeds)
            self._copy(stage.database, template)
        return self.accounts[template]

    def _copy(self, source: str, target: str) -> None:
        names = {"source": sql.Identifier(source), "target": sql.Identifier(target)}
        with psycopg.connect(self.postgres.database_url("postgres"), autocommit=True) as admin:
            admin.execute(sql.SQL("DROP DATABASE IF EXISTS {target}").format(**names))
            admin.execute(sql.SQL("CREATE DATABASE {target} TEMPLATE {source}").format(**names))


@dataclass
class Servers:
    """The PostgreSQL of all tests, and a Valkey of a module's own, which a test may kill."""

    directory: Path
    templates: Templates
    valkey: EmbeddedValkey
    stages: list[Stage] = field(default_factory=list)

    def stage(
        self, *, settings: str = "config.settings.local", redis_db: int | None = None
    ) -> Stage:
        """Return a stage with a database and, unless told otherwise, a Redis of its own."""
        number = len(self.stages)
        postgres, database = self.templates.postgres, f"{self.directory.name}_{number}"
        postgres.create_database(database)
        stage = Stage(
            directory=self.directory / database,
            database_url=postgres.database_url(database),
            redis_url=self.valkey.redis_url(number if redis_db is None else redis_db),
            settings=settings,
            variables=dict(PATIENT),
            templates=self.templates,
        )
        self.stages.append(stage)
        return stage


def running_servers(directory: Path, templates: Templates) -> Iterator[Servers]:
    """Yield servers for stages in a directory; stop every stage's processes at the end."""
    with EmbeddedValkey(directory=directory) as valkey:
        servers = Servers(directory, templates, valkey)
        try:
            yield servers
        finally:
            for stage in servers.stages:
                stage.stop()
    shutil.rmtree(directory, ignore_errors=True)
