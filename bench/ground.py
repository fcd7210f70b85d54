"""The servers that every side is measured on, and a fresh database for each turn.

One PostgreSQL and one Valkey, with the settings of `make up`: durable, synchronous commits, keys
in memory only. The one addition is `track_commit_timestamp`, by which the database itself says
when each effect was committed, on every side alike.
"""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import redis
from psycopg import sql

from config.embedded import directories
from config.embedded.postgres import EmbeddedPostgres
from config.embedded.valkey import EmbeddedValkey
from config.env import PROJECT_ROOT

SECRET_KEY = "the-benchmarks-use-this-key-and-nothing-else-does"
OURS = "template_ours"
PEERS = "template_peers"
SHIPPED = "template_shipped"
SAGAS = "template_sagas"
NOBODY_IS_REFUSED = "customer=60000000/60,unicorn=60000000/60,staff=60000000/60,rides=off"
REDIS_DATABASES = 16
CONNECTIONS = 600  # all sides stand ready at once, and some keep one for every thread they ever had


@dataclass
class Ground:
    """Running servers, and one migrated template database for us and one for the peers."""

    directory: Path
    postgres: EmbeddedPostgres
    valkey: EmbeddedValkey
    tokens: dict[str, str] = field(default_factory=dict)
    customer_token: str = ""
    staff_token: str = ""
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def environment(self, *, database: str, redis_db: int = 0) -> dict[str, str]:
        """Return what a process has to know about the servers."""
        return {
            "DATABASE_URL": self.postgres.database_url(database),
            "REDIS_URL": self.valkey.redis_url(redis_db),
            "REDIS_CLIENT_URL": self.valkey.redis_client_url(redis_db),
            "SECRET_KEY": SECRET_KEY,
            "WILDRYDES_STATE_DIR": str(self.directory),
            "WILDRYDES_THROTTLES": NOBODY_IS_REFUSED,
        }

    def prepare(self) -> None:
        """Make both templates."""
        self.postgres.create_database(OURS)
        ours = {**self.environment(database=OURS), "DJANGO_SETTINGS_MODULE": "bench.settings"}
        run(["manage.py", "migrate", "--run-syncdb", "--verbosity", "0"], ours)
        accounts = json.loads(run(["manage.py", "seed_demo", "--json"], ours))
        self.tokens[OURS] = accounts["unicorns"][0]["token"]
        self.postgres.create_database(PEERS)
        theirs = {
            **self.environment(database=PEERS),
            "DJANGO_SETTINGS_MODULE": "bench.peers.settings",
        }
        self.tokens[PEERS] = run(["-m", "bench.peers.prepare"], theirs).split()[-1]

    def prepare_shipped(self) -> None:
        """Make the template with every service and fleet that `make up` has, unless it is there."""
        if SHIPPED in self.tokens:
            return
        self.postgres.create_database(SHIPPED)
        shipped = {
            **self.environment(database=SHIPPED),
            "DJANGO_SETTINGS_MODULE": "config.settings.local",
        }
        run(["manage.py", "migrate", "--verbosity", "0"], shipped)
        accounts = json.loads(run(["manage.py", "seed_demo", "--json"], shipped))
        run(["manage.py", "seed_fleets"], shipped)
        self.tokens[SHIPPED] = accounts["unicorns"][0]["token"]
        self.customer_token = accounts["customers"][0]["token"]
        self.staff_token = accounts["staff"][0]["token"]

    def prepare_sagas(self) -> None:
        """Make the template of the service that runs sagas, unless it is there."""
        if SAGAS in self.tokens:
            return
        self.postgres.create_database(SAGAS)
        sagas = {
            **self.environment(database=SAGAS),
            "DJANGO_SETTINGS_MODULE": "bench.sagas.settings",
        }
        run(["manage.py", "migrate", "--run-syncdb", "--verbosity", "0"], sagas)
        self.tokens[SAGAS] = ""

    def copy(self, template: str) -> str:
        """Return the name of a new database like the template, with its statistics up to date."""
        name = f"turn{next(self._numbers)}"
        with self.admin() as admin:
            names = sql.Identifier(name), sql.Identifier(template)
            admin.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy").format(*names)
            )
            admin.execute("CHECKPOINT")
        return name

    def drop(self, name: str) -> None:
        """Remove a database, whoever is still connected."""
        with self.admin() as admin:
            admin.execute(
                sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
            )

    def admin(self) -> psycopg.Connection[tuple[object, ...]]:
        """Return a connection that belongs to no side."""
        return psycopg.connect(self.postgres.database_url("postgres"), autocommit=True)

    def redis(self, redis_db: int = 0) -> redis.Redis:
        """Return a client that belongs to no side."""
        return redis.Redis.from_url(self.valkey.redis_client_url(redis_db))


def run(arguments: list[str], environment: Mapping[str, str]) -> str:
    """Run one Python program of the project to its end; return what it printed."""
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=PROJECT_ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{arguments} failed:\n{done.stdout}\n{done.stderr}")
    return done.stdout


@contextmanager
def ground() -> Iterator[Ground]:
    """Start the servers in a temporary directory, make the templates; remove it all at the end."""
    with tempfile.TemporaryDirectory(prefix="wildrydes-bench-") as directory:
        place = Path(directory)
        place.chmod(0o711)
        postgres = EmbeddedPostgres(directory=place)
        try:
            _track_commits(postgres)
            with postgres, EmbeddedValkey(directory=place) as valkey:
                made = Ground(place, postgres, valkey)
                made.prepare()
                yield made
        finally:
            directories.leave_private_dir(postgres.layout)


def _track_commits(postgres: EmbeddedPostgres) -> None:
    with postgres, psycopg.connect(postgres.database_url(), autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET track_commit_timestamp = on")
        connection.execute(f"ALTER SYSTEM SET max_connections = {CONNECTIONS}")
