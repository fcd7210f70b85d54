"""Remove a state directory and what belongs to it elsewhere: `python -m config.embedded.clean`.

Refuses while anything runs in it. A directory that holds more than our own files keeps the rest.
"""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

from config.embedded import directories, errors, layout, locks
from config.env import ENV

OURS = (
    *("postgres", "valkey", "logs", "lake", "mail", "static"),
    *("claim", "secret-key", "flower-password", "postgres.lock", "valkey.lock", "up.lock"),
)


def clean(places: layout.Layout) -> tuple[Path, ...]:
    """Remove everything that is ours; return what was left in the state directory.

    Raises `HeldElsewhere` when the platform, or one of its servers, is running.
    """
    if not places.state_dir.is_dir():
        return ()
    with contextlib.ExitStack() as held:
        for path in (
            places.lock_file,
            places.data_root / "postgres.lock",
            places.state_dir / "valkey.lock",
        ):
            if path.parent.is_dir():
                lock = locks.FileLock(path)
                lock.acquire(note="make clean")
                held.callback(lock.release)
        directories.leave_private_dir(places)
        for name in OURS:
            _remove(places.state_dir / name)
    left = tuple(sorted(places.state_dir.iterdir()))
    directories.remove_empty(places.state_dir)
    return left


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        directories.remove(path)
    else:
        path.unlink(missing_ok=True)


def main() -> None:
    """Clean the state directory that the environment names; exit with 1 when it is in use."""
    try:
        left = clean(ENV.layout)
    except errors.EmbeddedServerError as error:
        sys.exit(f"Stop Wild Rydes first. {error}")
    for path in left:
        sys.stderr.write(f"Left alone, because it is not ours: {path}\n")


if __name__ == "__main__":
    main()
