"""What the supervisor watches: something that starts, runs, and ends."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from config.embedded import processes

LOG_LIMIT = 16 * 1024 * 1024  # bytes; a longer log is set aside when its process starts


class Service(Protocol):
    """An embedded server or a child process."""

    @property
    def name(self) -> str: ...
    @property
    def pid(self) -> int: ...
    @property
    def is_running(self) -> bool: ...
    @property
    def exit_code(self) -> int | None: ...
    @property
    def log_file(self) -> Path: ...

    def start(self) -> None: ...
    def ask_to_stop(self) -> None: ...
    def stop(self, *, seconds: float) -> None: ...


@dataclass
class ChildProcess:
    """A program that writes to a log file of its own and leads a process group of its own.

    With a `processor` it stays on that one, and so do the threads and processes that it starts.
    """

    name: str
    command: tuple[str, ...]
    cwd: Path
    log_file: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    processor: int | None = None
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False, repr=False)
    _asked: bool = field(default=False, init=False, repr=False)

    @property
    def pid(self) -> int:
        """Return the process id; 0 before the first start."""
        return self._process.pid if self._process else 0

    @property
    def is_running(self) -> bool:
        """Return whether the process is alive."""
        return self._process is not None and self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """Return how the process ended: its status, or minus the signal."""
        return self._process.poll() if self._process else None

    def start(self) -> None:
        """Start the program, after the end of what its predecessor may have left in its group."""
        self._end_group()
        self.log_file.parent.mkdir(parents=True, exist_ok=True)
        if self.log_file.exists() and self.log_file.stat().st_size > LOG_LIMIT:
            self.log_file.replace(self.log_file.with_suffix(".old.log"))
        self._asked = False
        with self.log_file.open("ab") as log:
            self._process = processes.spawn(
                self.command,
                output=log,
                cwd=self.cwd,
                environment=processes.inherited(**self.environment),
            )
        if self.processor is not None:
            with contextlib.suppress(OSError):  # it has ended, or the processor was taken from us
                os.sched_setaffinity(self.pid, {self.processor})

    def ask_to_stop(self) -> None:
        """Send SIGTERM, once."""
        if self.is_running and not self._asked:
            assert self._process is not None
            self._process.terminate()
            self._asked = True

    def stop(self, *, seconds: float) -> None:
        """Stop the program and everything in its group, by force when the time is over."""
        self.ask_to_stop()
        if self._process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout=max(seconds, 0.0))
            self._end_group()
            self._process.wait()

    def _end_group(self) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
