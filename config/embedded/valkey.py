"""A Valkey server of our own, on a unix socket.

Guarantee: keys are never evicted; a second start on the same directory is refused while the first
is running, and stops a server that was left behind; the server ends when the thread that started
it does (Linux).
Does not guarantee: that keys survive a stop, unless `persistent` is true. Nothing may depend on it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import redis

from config.embedded import accounts, binaries, directories, errors, layout, locks, processes

START_SECONDS = 20.0
STOP_SECONDS = 3.0
IN_MEMORY = ("--save", "", "--appendonly", "no")
ON_DISK = ("--save", "", "--appendonly", "yes", "--appendfsync", "everysec")


class EmbeddedValkey:
    """One Valkey server for one state directory."""

    name = "valkey"

    def __init__(self, *, directory: Path, persistent: bool = False) -> None:
        self.layout = layout.Layout.at(directory)
        self.persistent = persistent
        self._lock = locks.FileLock(self.layout.state_dir / "valkey.lock")
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
        directories.remove_empty(self.layout.private_dir)

    @property
    def pid(self) -> int:
        """Return the server's process id. Raises `EmbeddedServerError` when it is not running."""
        if not self.is_running:
            raise errors.EmbeddedServerError("Valkey is not running.")
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
        return self.layout.logs_dir / "valkey.log"

    def redis_url(self, db: int = 0) -> str:
        """Return the URL for Celery and kombu."""
        return self.layout.redis_url(db)

    def redis_client_url(self, db: int = 0) -> str:
        """Return the URL for redis-py."""
        return self.layout.redis_client_url(db)

    def start(self) -> None:
        """Start the server and return once it answers a PING. Safe to call when it is running."""
        if self.is_running:
            return
        directories.ensure_places(self.layout, account=accounts.server_account())
        self._lock.release()
        self._lock.acquire(note=f"pid {os.getpid()}, state directory {self.layout.state_dir}")
        try:
            self._stop_leftover()
            self._prepare()
            self._process = self._spawn()
            self._pid_file.write_text(str(self._process.pid))
            self._wait_for_ping(self._process)
        except BaseException:
            self.stop()
            raise

    def ask_to_stop(self) -> None:
        """Begin to shut down."""
        if self.is_running:
            os.kill(self.pid, signal.SIGTERM)

    def stop(self, *, seconds: float = STOP_SECONDS) -> None:
        """Shut down in order, by force when the time is over."""
        if self._process is not None:
            processes.stop(self._process, steps=((signal.SIGTERM, seconds),))
            self._process = None
        self._pid_file.unlink(missing_ok=True)
        self._lock.release()

    def kill(self) -> None:
        """End the server as a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    @property
    def _pid_file(self) -> Path:
        return self.layout.valkey_dir / "valkey.pid"

    def _prepare(self) -> None:
        directories.ensure_private(self.layout.valkey_dir)
        self.layout.logs_dir.mkdir(exist_ok=True)
        self.layout.valkey_socket.unlink(missing_ok=True)

    def _spawn(self) -> subprocess.Popen[bytes]:
        command = [
            *(str(binaries.valkey_server()), "--port", "0", "--daemonize", "no"),
            *("--unixsocket", str(self.layout.valkey_socket), "--unixsocketperm", "700"),
            *("--maxmemory-policy", "noeviction", "--databases", "16"),
            *(ON_DISK if self.persistent else IN_MEMORY),
        ]
        with self.log_file.open("ab") as log:
            return processes.spawn(command, output=log, cwd=self.layout.valkey_dir)

    def _wait_for_ping(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + START_SECONDS
        with redis.Redis.from_url(self.redis_client_url(), socket_timeout=2) as client:
            while time.monotonic() < deadline:
                try:
                    client.ping()
                except redis.ConnectionError:
                    try:
                        process.wait(timeout=processes.POLL_SECONDS)
                    except subprocess.TimeoutExpired:
                        continue
                    break
                if process.poll() is None:
                    return
        raise self._failure()

    def _stop_leftover(self) -> None:
        try:
            pid = int(self._pid_file.read_text())
        except (FileNotFoundError, ValueError):
            return
        steps = ((signal.SIGTERM, STOP_SECONDS),)
        processes.stop_leftover(pid, mark=str(self.layout.valkey_socket), steps=steps)

    def _failure(self) -> errors.EmbeddedServerError:
        tail = self.log_file.read_text(errors="replace")[-2000:].strip()
        return errors.EmbeddedServerError(
            f"Valkey did not start. The end of {self.log_file}:\n{tail}"
        )
