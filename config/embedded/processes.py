"""Child processes that do not outlive us, and the end of those that an earlier run left behind."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import IO

from config.embedded import accounts, launch

POLL_SECONDS = 0.02
Stop = tuple[signal.Signals, float]


def command_line(
    command: Iterable[str],
    *,
    account: accounts.Account | None = None,
    death_signal: signal.Signals = signal.SIGTERM,
) -> list[str]:
    """Return the command wrapped so that it dies with this process, under the given account."""
    stay = account is None or account.is_current
    user = "-" if account is None or stay else f"{account.uid}:{account.gid}"
    launcher = [sys.executable, "-I", "-S", launch.__file__]
    return [*launcher, str(os.getpid()), str(int(death_signal)), user, *command]


def spawn(
    command: Iterable[str],
    *,
    output: IO[bytes] | int,
    cwd: Path,
    account: accounts.Account | None = None,
    death_signal: signal.Signals = signal.SIGTERM,
    environment: Mapping[str, str] | None = None,
) -> subprocess.Popen[bytes]:
    """Start a program in a session of its own, out of reach of the terminal's Ctrl-C."""
    return subprocess.Popen(
        command_line(command, account=account, death_signal=death_signal),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        cwd=cwd,
        env=None if environment is None else dict(environment),
        start_new_session=True,
    )


def inherited(**extra: str) -> dict[str, str]:
    """Return our own environment for a child, with additions."""
    return {**os.environ, **extra}


def wait_until(condition: Callable[[], bool], *, seconds: float) -> bool:
    """Return whether the condition came true within the time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


def stop(process: subprocess.Popen[bytes], *, steps: Iterable[Stop]) -> None:
    """Send one signal after the other, each with its time to work; the last resort is SIGKILL."""
    for step, seconds in steps:
        if process.poll() is not None:
            return
        process.send_signal(step)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=seconds)
    if process.poll() is None:
        process.kill()
        process.wait()


def stop_leftover(pid: int, *, mark: str, steps: Iterable[Stop]) -> bool:
    """Stop a process that is not our child, if its command line bears the mark.

    The mark guards against a process id that has meanwhile been given to somebody else. Returns
    whether the mark was found.
    """
    if not bears(pid, mark=mark):
        return False
    for step, seconds in (*steps, (signal.SIGKILL, 5.0)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, step)
        if wait_until(lambda: not bears(pid, mark=mark), seconds=seconds):
            break
    return True


def bears(pid: int, *, mark: str) -> bool:
    """Return whether a living process has the mark in its command line."""
    if sys.platform == "linux":
        try:
            return os.fsencode(mark) in Path(f"/proc/{pid}/cmdline").read_bytes()
        except (FileNotFoundError, ProcessLookupError):
            return False
    listing = subprocess.run(
        ["ps", "-ww", "-p", str(pid), "-o", "command="],  # noqa: S607 - wherever it is installed
        capture_output=True,
        text=True,
        check=False,
    )
    return mark in listing.stdout
