"""The platform that the demonstration talks to: the running one, or one of its own."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO

from config.embedded import processes
from config.env import PROJECT_ROOT, Environment
from config.supervisor import errors, presence, probes

READY = "Wild Rydes is ready: "
READY_SECONDS = 60.0
STOP_SECONDS = 15.0
Say = Callable[[str], None]


@dataclass(frozen=True)
class Host:
    """A platform that is ready."""

    url: str
    is_ours: bool


@contextlib.contextmanager
def platform(env: Environment, *, say: Say) -> Iterator[Host]:
    """Yield a ready platform; one that was started for the block is stopped after it.

    Raises `PlatformError` when there is none and none can be started.
    """
    running = presence.find(env.layout)
    if running is not None:
        if not processes.wait_until(
            lambda: probes.answers_ok(f"{running.url}/readyz"), seconds=READY_SECONDS
        ):
            raise errors.PlatformError(f"Wild Rydes runs ({running}) but does not become ready.")
        say(f"Wild Rydes is up already: {running}.")
        yield Host(url=running.url, is_ours=False)
        return
    process = _start_up()
    try:
        yield Host(url=_wait_for_ready_line(process, say=say), is_ours=True)
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=STOP_SECONDS)
        if process.poll() is None:
            process.kill()
            process.wait()


def _start_up() -> subprocess.Popen[bytes]:
    columns = shutil.get_terminal_size(fallback=(160, 50)).columns
    return processes.spawn(
        (sys.executable, "manage.py", "up"),
        output=subprocess.PIPE,
        cwd=PROJECT_ROOT,
        environment=processes.inherited(COLUMNS=str(columns)),
    )


def _wait_for_ready_line(process: subprocess.Popen[bytes], *, say: Say) -> str:
    """Repeat what `manage.py up` says until it is ready, and go on repeating in the background."""
    assert process.stdout is not None
    for line in process.stdout:
        text = line.decode(errors="replace").rstrip("\n")
        say(text)
        if text.startswith(READY):
            threading.Thread(target=_repeat, args=(process.stdout, say), daemon=True).start()
            return text.removeprefix(READY)
    raise errors.PlatformError(f"Wild Rydes did not start (status {process.wait()}).")


def _repeat(output: IO[bytes], say: Say) -> None:
    with output:
        for line in output:
            say(line.decode(errors="replace").rstrip("\n"))
