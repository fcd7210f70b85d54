"""A lock that one process holds and the kernel takes back when it dies."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from config.embedded import errors


class HeldElsewhere(errors.EmbeddedServerError):
    """Another process holds the lock; `holder` is what it wrote into the file."""

    def __init__(self, path: Path, holder: str) -> None:
        super().__init__(f"{path} is held by a running process: {holder or 'unnamed'}.")
        self.holder = holder


class FileLock:
    """An exclusive lock on a file. Not inherited by child processes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    def acquire(self, *, note: str) -> str:
        """Take the lock and write the note into the file. Raises `HeldElsewhere`.

        Returns the note of the last holder if it died without releasing, otherwise nothing.
        """
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = _read(descriptor)
            os.close(descriptor)
            raise HeldElsewhere(self.path, holder) from None
        last = _read(descriptor)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, note.encode(), 0)
        self._descriptor = descriptor
        return last

    def release(self) -> None:
        """Give the lock back; safe to call when it is not held."""
        if self._descriptor is not None:
            os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = None

    def holder(self) -> str | None:
        """Return the note of whoever holds the lock now, or None when nobody does."""
        descriptor = os.open(self.path, os.O_RDONLY | os.O_NOFOLLOW)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return _read(descriptor)
        finally:
            os.close(descriptor)
        return None


def _read(descriptor: int) -> str:
    return os.pread(descriptor, 4096, 0).decode()
