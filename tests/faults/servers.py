"""PostgreSQL and Valkey for the matrix, and deployments on them in various settings."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import quote

import psycopg
import redis
from psycopg import sql

from config.embedded.layout import DATABASE_USER
from config.embedded.postgres import EmbeddedPostgres
from config.embedded.valkey import EmbeddedValkey
from tests import sandbox
from tests.acceptance.stage import Stage
from tests.faults import payers
from tests.faults.deployment import Deployment
from tests.faults.proxy import Proxy
from tests.faults.topology import QUEUE_NAMES
from tests.sandbox import SandboxProcess

TEMPLATE = "template_of_faults"
POSTGRES_SOCKET = ".s.PGSQL.5432"
PATIENCE = {"STRIPE_TIMEOUT_SECONDS": "3"}

# One fleet answers over HTTP only, one does so too, two take their time, and one is often silent.
BEHAVIOUR = """
UPDATE unicorn_management_fleet AS fleet SET radius_km = NULL, answer_rate = rate,
    delay_min_seconds = least, delay_median_seconds = median, delay_max_seconds = most
FROM (
    SELECT slug, coalesce(rate, 1), coalesce(least, 0), coalesce(median, 0), coalesce(most, 0)
    FROM unicorn_management_fleet LEFT JOIN (VALUES
        ('winelands', 0.0, 0.0, 0.0, 0.0),
        ('garden-route', 1.0, 0.3, 0.5, 1.0),
        ('great-karoo', 1.0, 0.8, 1.2, 2.5),
        ('west-coast', 0.8, 0.0, 0.0, 0.0)
    ) AS told (slug, rate, least, median, most) USING (slug)
) AS wanted (slug, rate, least, median, most) WHERE fleet.slug = wanted.slug
"""


@dataclass(frozen=True)
class Setting:
    """What a deployment is like: how many of what, on which Redis, behind proxies or not.

    The first workers serve the queues in `apart` only, each its own, and the others what is left.
    With a `provider`, customers have cards, and there is somebody who charges them.
    """

    name: str
    relays: int = 1
    workers: int = 2
    persistent: bool = False
    proxied: bool = False
    settings: str = "tests.faults.settings"
    apart: tuple[tuple[str, ...], ...] = ()
    provider: bool = False


@dataclass
class Ground:
    """Running servers, and a migrated and seeded database that others are copied from.

    `token` is a unicorn's, `staff` that of a member of staff; `fleets` have one each that answer
    requests for quotes by themselves.
    """

    directory: Path
    postgres: EmbeddedPostgres
    token: str = ""
    staff: str = ""
    fleets: dict[str, str] = field(default_factory=dict)
    deployments: int = 0

    def prepare(self) -> None:
        """Make the template."""
        self.postgres.create_database(TEMPLATE)
        with volatile_valkey(self.directory / "template") as valkey:
            stage = Stage(
                directory=self.directory / TEMPLATE,
                database_url=self.postgres.database_url(TEMPLATE),
                redis_url=valkey.redis_url(),
                settings="tests.faults.settings",
            )
            accounts = stage.prepare()
            stage.manage("seed_fleets")
        self.token = accounts["unicorns"][0]["token"]
        self.staff = accounts["staff"][0]["token"]
        self.fleets = {item["fleet"]: item["token"] for item in accounts["unicorns"]}
        with psycopg.connect(stage.database_url, autocommit=True) as connection:
            connection.execute(BEHAVIOUR)

    def copy_of_template(self) -> str:
        """Return the name of a new database like the template."""
        self.deployments += 1
        name = f"faults{self.deployments}"
        with psycopg.connect(self.postgres.database_url("postgres"), autocommit=True) as admin:
            names = sql.Identifier(name), sql.Identifier(TEMPLATE)
            admin.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(*names))
        return name


@dataclass
class Scene:
    """A deployment that runs, and everything around it that a fault may be injected into."""

    ground: Ground
    setting: Setting
    deployment: Deployment
    valkey: EmbeddedValkey
    database: str
    proxies: dict[str, Proxy] = field(default_factory=dict)
    provider: SandboxProcess | None = None
    random: Random = field(default_factory=lambda: Random(3))

    @property
    def postgres(self) -> EmbeddedPostgres:
        """Return the PostgreSQL server."""
        return self.ground.postgres

    @property
    def sandbox(self) -> SandboxProcess:
        """Return the payment provider."""
        assert self.provider is not None, f"there is no provider in {self.setting.name!r}"
        return self.provider

    def redis(self) -> redis.Redis:
        """Return a client of our own, past every proxy."""
        return redis.Redis.from_url(self.valkey.redis_client_url(), socket_timeout=10)

    def sql(self) -> psycopg.Connection[tuple[Any, ...]]:
        """Return a connection of our own, past every proxy."""
        return psycopg.connect(self.postgres.database_url(self.database), autocommit=True)


@contextmanager
def ground(directory: Path) -> Iterator[Ground]:
    """Start PostgreSQL and make the template; logs and lakes stay in the directory."""
    directory.mkdir(parents=True, exist_ok=True)
    with EmbeddedPostgres(directory=directory / "pg", durable=False) as postgres:
        made = Ground(directory, postgres)
        made.prepare()
        yield made


@contextmanager
def scene(
    ground: Ground, setting: Setting, *, queues: tuple[str, ...] = QUEUE_NAMES
) -> Iterator[Scene]:
    """Start a deployment in that setting, on a database and a Valkey of its own."""
    database = ground.copy_of_template()
    directory = ground.directory / database
    with ExitStack() as stack:
        valkey = stack.enter_context(
            EmbeddedValkey(directory=directory / "redis", persistent=setting.persistent)
        )
        made = Scene(
            ground, setting, _deployment(ground, setting, database, queues), valkey, database
        )
        made.deployment.redis_url = valkey.redis_url()
        if setting.proxied:
            _put_proxies_between(made, stack)
        if setting.provider:
            _open_the_provider(made, stack)
        stack.enter_context(made.deployment.running())
        yield made


@contextmanager
def volatile_valkey(directory: Path) -> Iterator[EmbeddedValkey]:
    """Run a Valkey that keeps nothing."""
    with EmbeddedValkey(directory=directory) as valkey:
        yield valkey


def _deployment(
    ground: Ground, setting: Setting, database: str, queues: tuple[str, ...]
) -> Deployment:
    return Deployment(
        directory=ground.directory / database,
        database_url=ground.postgres.database_url(database),
        redis_url="",
        settings=setting.settings,
        relays=setting.relays,
        workers=setting.workers,
        queues=queues,
        apart=setting.apart,
    )


def _open_the_provider(made: Scene, stack: ExitStack) -> None:
    directory = made.deployment.directory / "provider"
    made.provider = stack.enter_context(sandbox.running(directory))
    made.deployment.variables = {**made.provider.environment, **PATIENCE}
    with made.sql() as connection:
        payers.give_cards(connection)


def _put_proxies_between(made: Scene, stack: ExitStack) -> None:
    sockets = made.postgres.layout.postgres_sockets
    redis_proxy = stack.enter_context(Proxy(made.valkey.layout.valkey_socket))
    postgres_proxy = stack.enter_context(Proxy(sockets / POSTGRES_SOCKET))
    made.proxies = {"redis": redis_proxy, "postgres": postgres_proxy}
    made.deployment.redis_url = f"redis://127.0.0.1:{redis_proxy.port}/0"
    made.deployment.database_url = (
        f"postgresql://{DATABASE_USER}@127.0.0.1:{postgres_proxy.port}/{quote(made.database)}"
    )
