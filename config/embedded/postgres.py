"""A PostgreSQL server of our own, on a unix socket.

Guarantee: data survives `stop`, `kill` and the death of this process; a second start on the same
directory is refused while the first is running, and stops a server that was left behind; the
server ends when the thread that started it does (Linux).
Does not guarantee: durability over a crash of the machine when `durable` is false.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg
from psycopg import sql

from config.embedded import accounts, binaries, directories, errors, layout, locks, processes

START_SECONDS = 60.0
STOP_SECONDS = 8.0
STILL_ATTACHED = "pre-existing shared memory block"
SETTINGS = {
    "listen_addresses": "",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_logical_replication_workers": "0",
    "max_parallel_workers_per_gather": "0",  # containers have little shared memory to give
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
}
NOT_DURABLE = {"fsync": "off", "full_page_writes": "off", "shared_buffers": "128MB"}
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C"}


class EmbeddedPostgres:
    """One PostgreSQL server for one state directory.

    As a context manager it starts and stops; one that is not durable also removes what it keeps
    outside the directory, so that a test leaves nothing behind.
    """

    name = "postgres"

    def __init__(self, *, directory: Path, durable: bool = True) -> None:
        self.layout = layout.Layout.at(directory)
        self.durable = durable
        self._account = accounts.server_account()
        self._lock = locks.FileLock(self.layout.data_root / "postgres.lock")
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()
        if not self.durable:
            directories.leave_private_dir(self.layout)

    @property
    def pid(self) -> int:
        """Return the server's process id. Raises `EmbeddedServerError` when it is not running."""
        if not self.is_running:
            raise errors.EmbeddedServerError("PostgreSQL is not running.")
        assert self._process is not None
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Return whether the server's process is alive."""
        return self._process is not None and self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """Return how the server ended: its status, or minus the signal."""
        return None if self._process is None else self._process.poll()

    @property
    def log_file(self) -> Path:
        """Return where the server writes."""
        return self.layout.logs_dir / "postgres.log"

    def database_url(self, name: str = layout.DATABASE_NAME) -> str:
        """Return the URL of a database on this server."""
        return self.layout.database_url(name)

    def start(self) -> None:
        """Start the server and return once it answers and the database exists.

        Safe to call when it is running. Raises `EmbeddedServerError` with the log's last lines.
        """
        if self.is_running:
            return
        directories.ensure_places(self.layout, account=self._account)
        self._lock.release()
        self._lock.acquire(note=f"pid {os.getpid()}, state directory {self.layout.state_dir}")
        try:
            self._stop_leftover()
            directories.discard_orphans(self.layout)
            self._prepare()
            self._run()
            self.create_database(layout.DATABASE_NAME)
        except BaseException:
            self.stop()
            raise

    def ask_to_stop(self) -> None:
        """Begin a fast shutdown: open transactions are rolled back."""
        if self.is_running:
            os.kill(self.pid, signal.SIGINT)

    def stop(self, *, seconds: float = STOP_SECONDS) -> None:
        """Shut down fast, then at once, then by force: within the time and a little."""
        if self._process is not None:
            processes.stop(self._process, steps=_steps(seconds))
            self._process = None
        self._lock.release()

    def kill(self) -> None:
        """End the server as a power cut would. `start` recovers."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def create_database(self, name: str) -> None:
        """Create a database unless it exists."""
        with self._connect() as connection:
            query = "select from pg_database where datname = %s"
            if connection.execute(query, [name]).fetchone() is None:
                connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))

    def _prepare(self) -> None:
        self._programs = binaries.postgres_programs(
            account=self._account, copies=self.layout.private_dir
        )
        self.layout.logs_dir.mkdir(exist_ok=True)
        directories.ensure_private(self.layout.postgres_dir, account=self._account)
        if self.layout.postgres_sockets.parent != self.layout.postgres_dir:
            directories.ensure_private(self.layout.postgres_sockets.parent)
        directories.ensure_private(self.layout.postgres_sockets, account=self._account)
        if not (self.layout.postgres_data / "PG_VERSION").exists():
            self._initialise()

    def _initialise(self) -> None:
        """Make a data directory beside its place and move it there when it is whole."""
        draft = self.layout.postgres_dir / "draft"
        directories.remove(draft)
        command = [
            *(str(self._programs / "initdb"), "--pgdata", str(draft)),
            *("--username", layout.DATABASE_USER, "--auth", "trust", "--encoding", "UTF8"),
            *("--locale", "C", "--locale-provider", "builtin", "--builtin-locale", "C.UTF-8"),
            *("--no-instructions", *(() if self.durable else ("--no-sync",))),
        ]
        with self.log_file.open("ab") as log:
            code = processes.spawn(
                command, output=log, cwd=Path("/"), account=self._account, environment=ENVIRONMENT
            ).wait()
        if code != 0:
            raise self._failure("initdb failed")
        draft.rename(self.layout.postgres_data)

    def _run(self) -> None:
        """Start, and start again while the last server's backends are still going away."""
        deadline = time.monotonic() + START_SECONDS
        while True:
            log_start = self.log_file.stat().st_size if self.log_file.exists() else 0
            self._process = self._spawn()
            if self._answers(self._process, deadline=deadline):
                return
            attached = STILL_ATTACHED in self._log_since(log_start)
            if self.is_running or not attached or time.monotonic() > deadline:
                raise self._failure("PostgreSQL did not start")

    def _spawn(self) -> subprocess.Popen[bytes]:
        sockets = str(self.layout.postgres_sockets).replace('"', '""')
        settings = SETTINGS | ({} if self.durable else NOT_DURABLE)
        settings |= {"unix_socket_directories": f'"{sockets}"', "unix_socket_permissions": "0700"}
        command = [str(self._programs / "postgres"), "-D", str(self.layout.postgres_data)]
        for name, value in settings.items():
            command += ["-c", f"{name}={value}"]
        with self.log_file.open("ab") as log:
            return processes.spawn(
                command,
                output=log,
                cwd=Path("/"),
                account=self._account,
                death_signal=signal.SIGINT,
                environment=ENVIRONMENT,
            )

    def _answers(self, process: subprocess.Popen[bytes], *, deadline: float) -> bool:
        """Wait for the first connection, or for the process's end, whichever comes first."""
        while time.monotonic() < deadline:
            try:
                self._connect().close()
            except psycopg.OperationalError:
                try:
                    process.wait(timeout=processes.POLL_SECONDS)
                except subprocess.TimeoutExpired:
                    continue
                return False
            return process.poll() is None
        return False

    def _connect(self) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(self.database_url("postgres"), autocommit=True, connect_timeout=5)

    def _stop_leftover(self) -> None:
        """Stop a server that outlived its supervisor, and drop a pid file that names a stranger."""
        pid_file = self.layout.postgres_data / "postmaster.pid"
        try:
            pid = int(pid_file.read_text().split("\n", 1)[0])
        except (FileNotFoundError, ValueError):
            return
        mark = str(self.layout.postgres_data)
        if not processes.stop_leftover(pid, mark=mark, steps=_steps(STOP_SECONDS)):
            pid_file.unlink(missing_ok=True)

    def _log_since(self, start: int) -> str:
        with self.log_file.open("rb") as log:
            log.seek(start)
            return log.read().decode(errors="replace")

    def _failure(self, what: str) -> errors.EmbeddedServerError:
        size = self.log_file.stat().st_size if self.log_file.exists() else 0
        tail = self._log_since(max(0, size - 2000)).strip()
        return errors.EmbeddedServerError(f"{what}. The end of {self.log_file}:\n{tail}")


def _steps(seconds: float) -> tuple[processes.Stop, ...]:
    return ((signal.SIGINT, seconds * 0.75), (signal.SIGQUIT, seconds * 0.25))
