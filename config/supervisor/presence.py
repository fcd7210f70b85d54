"""Who runs the platform of a state directory, and where it answers.

Guarantee: of two that try, one gets it; when its process ends, however it ends, the next may.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass

from config.embedded import layout, locks
from config.supervisor import errors


@dataclass(frozen=True)
class Presence:
    """A running platform."""

    pid: int
    url: str
    state_dir: str

    def __str__(self) -> str:
        return f"{self.url}, process {self.pid}, state directory {self.state_dir}"


@contextlib.contextmanager
def claimed(places: layout.Layout, *, url: str) -> Iterator[bool]:
    """Be the one platform of the state directory while the block runs.

    Yields whether the last one ended without saying goodbye, so that its processes may still be
    on their way out. Raises `PlatformError`, naming the other, when there is one.
    """
    places.state_dir.mkdir(parents=True, exist_ok=True)
    lock = locks.FileLock(places.lock_file)
    note = Presence(pid=os.getpid(), url=url, state_dir=str(places.state_dir))
    try:
        last = lock.acquire(note=json.dumps(asdict(note)))
    except locks.HeldElsewhere as held:
        raise errors.PlatformError(
            f"Wild Rydes is already running: {_parse(held.holder)}. "
            "Stop it first, or choose another WILDRYDES_STATE_DIR, WILDRYDES_PORT, "
            "WILDRYDES_FLOWER_PORT and WILDRYDES_SANDBOX_PORT."
        ) from held
    try:
        yield last != ""
    finally:
        lock.release()


def find(places: layout.Layout) -> Presence | None:
    """Return the running platform of the state directory, if there is one."""
    if not places.lock_file.exists():
        return None
    lock = locks.FileLock(places.lock_file)
    holder = lock.holder()
    return None if holder is None else _parse(holder)


def _parse(note: str) -> Presence | None:
    try:
        return Presence(**json.loads(note))
    except (TypeError, ValueError):
        return None
