"""Directories that only their owner may touch, also where everybody may create some."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import stat
from pathlib import Path

from config.embedded import accounts, errors, layout

CLAIM = "claim"  # the same word in the state directory and in the private one: they belong together


def ensure_private(path: Path, *, account: accounts.Account | None = None) -> None:
    """Create a directory with mode 0700, or refuse one that somebody else could have planted.

    With an account, that account becomes its owner. Modes of parents are left alone.
    Raises `EmbeddedServerError` for a link, a foreign owner, or a mode that lets others write.
    """
    _create(path, mode=0o700)
    owner = os.geteuid() if account is None else account.uid
    found = os.lstat(path)
    if account is not None and found.st_uid == os.geteuid() != owner:
        os.chown(path, account.uid, account.gid, follow_symlinks=False)
        found = os.lstat(path)
    _refuse_unsafe(path, found, owner=owner)


def ensure_entrance(path: Path, *, account: accounts.Account) -> None:
    """Create a directory of ours that the account may pass through but neither list nor change."""
    _create(path, mode=0o700)
    _refuse_unsafe(path, os.lstat(path), owner=os.geteuid())
    if not account.is_current:
        os.chown(path, os.geteuid(), account.gid, follow_symlinks=False)
        path.chmod(0o710)


def ensure_places(places: layout.Layout, *, account: accounts.Account) -> None:
    """Create the state directory and, where one is needed, the private one beside it."""
    places.state_dir.mkdir(parents=True, exist_ok=True)
    if places.uses_private_dir:
        ensure_entrance(places.private_dir, account=account)


def discard_orphans(places: layout.Layout) -> None:
    """Remove a database outside the state directory that was left by an earlier one of this path.

    Whoever removes a state directory means its data too; without this a fresh checkout in the
    place of an old one would start with the old one's tables.
    """
    if places.data_root == places.state_dir:
        return
    inside, outside = places.state_dir / CLAIM, places.private_dir / CLAIM
    if inside.exists() and outside.exists() and inside.read_text() == outside.read_text():
        return
    remove(places.postgres_dir)
    word = f"{secrets.token_hex(16)} {places.state_dir}\n"
    outside.write_text(word)
    inside.write_text(word)


def leave_private_dir(places: layout.Layout) -> None:
    """Remove what we put beside a server's socket in the private directory, then it, if empty."""
    if not places.uses_private_dir or not places.private_dir.exists():
        return
    for path in places.private_dir.iterdir():
        if path.is_dir():
            remove(path)
        elif not path.is_socket():
            path.unlink()
    remove_empty(places.private_dir)


def remove_empty(path: Path) -> None:
    """Remove a directory unless something is in it, or it is not there."""
    with contextlib.suppress(OSError):
        path.rmdir()


def remove(path: Path) -> None:
    """Remove a directory and what is in it; one that is not there is no error."""
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(path)


def _create(path: Path, *, mode: int) -> None:
    with contextlib.suppress(FileExistsError):
        path.mkdir(mode=mode)


def _refuse_unsafe(path: Path, found: os.stat_result, *, owner: int) -> None:
    if not stat.S_ISDIR(found.st_mode):
        raise errors.EmbeddedServerError(f"{path} is not a directory. Remove it and start again.")
    if found.st_uid != owner:
        raise errors.EmbeddedServerError(
            f"{path} belongs to user id {found.st_uid}, not to {owner}. Remove it and start again."
        )
    if found.st_mode & 0o022:
        raise errors.EmbeddedServerError(
            f"{path} can be written by other users. Remove it and start again."
        )
