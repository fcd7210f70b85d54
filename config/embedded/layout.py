"""Where the embedded servers of a state directory live: paths and URLs, nothing else.

Everything follows from the state directory and the user, so every process that knows the state
directory finds the same servers without asking anyone.

Sockets and, for root, the database live in a second, private directory outside the state
directory when they must: a socket's path may have no more than 107 bytes, and PostgreSQL, which
refuses to run as root, must reach its files under an account that cannot enter root's home.
"""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

DATABASE_USER = "wildrydes"
DATABASE_NAME = "wildrydes"
PRIVATE_ROOT = Path("/var/tmp")  # noqa: S108 - directories in it are checked before use
SOCKET_PATH_LIMIT = 100  # bytes; macOS allows 103, Linux 107
PLAIN_PATH = re.compile(r"[A-Za-z0-9._/-]+")


@dataclass(frozen=True)
class Layout:
    """The places that belong to one state directory."""

    state_dir: Path
    private_dir: Path
    data_root: Path
    socket_root: Path

    @classmethod
    def at(cls, state_dir: Path) -> Layout:
        """Return the layout of a state directory. Creates nothing."""
        state_dir = state_dir.resolve()
        private_dir = _private_dir(state_dir)
        outside = os.geteuid() == 0
        return cls(
            state_dir=state_dir,
            private_dir=private_dir,
            data_root=private_dir if outside else state_dir,
            socket_root=state_dir if not outside and _fits_sockets(state_dir) else private_dir,
        )

    @property
    def uses_private_dir(self) -> bool:
        """Return whether anything lives outside the state directory."""
        return self.private_dir in (self.data_root, self.socket_root)

    @property
    def postgres_dir(self) -> Path:
        """Return the directory that holds PostgreSQL's data, and is its account's own."""
        return self.data_root / "postgres"

    @property
    def postgres_data(self) -> Path:
        """Return PostgreSQL's data directory."""
        return self.postgres_dir / "data"

    @property
    def postgres_sockets(self) -> Path:
        """Return the directory of PostgreSQL's socket."""
        return self.socket_root / "postgres" / "run"

    @property
    def valkey_dir(self) -> Path:
        """Return Valkey's working directory."""
        return self.state_dir / "valkey"

    @property
    def valkey_socket(self) -> Path:
        """Return the path of Valkey's socket."""
        return self.socket_root / "valkey.sock"

    @property
    def logs_dir(self) -> Path:
        """Return the directory of one log file per process."""
        return self.state_dir / "logs"

    @property
    def lock_file(self) -> Path:
        """Return the file that a running `manage.py up` holds locked; it says who and where."""
        return self.state_dir / "up.lock"

    def database_url(self, name: str = DATABASE_NAME) -> str:
        """Return a URL that psycopg and django-environ understand."""
        host = quote(str(self.postgres_sockets))
        return f"postgresql://{DATABASE_USER}@/{quote(name, safe='')}?host={host}"

    def redis_url(self, db: int = 0) -> str:
        """Return the URL for Celery and kombu."""
        return f"redis+socket://{self.valkey_socket}?virtual_host={db}"

    def redis_client_url(self, db: int = 0) -> str:
        """Return the URL for redis-py."""
        return f"unix://{self.valkey_socket}?db={db}"


def _private_dir(state_dir: Path) -> Path:
    digest = hashlib.blake2b(os.fsencode(state_dir), digest_size=8).hexdigest()
    return PRIVATE_ROOT / f"wildrydes-{os.geteuid()}-{digest}"


def _fits_sockets(state_dir: Path) -> bool:
    longest = str(state_dir / "postgres" / "run" / ".s.PGSQL.5432")
    return bool(PLAIN_PATH.fullmatch(longest)) and len(longest) <= SOCKET_PATH_LIMIT
