"""Real servers for every test that asks for a database or for Redis."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from xdist.scheduler import LoadScopeScheduling

from config.embedded.postgres import EmbeddedPostgres
from config.embedded.valkey import EmbeddedValkey
from wildrydes import redis

TURNS = {
    "tests/acceptance/": "stages",
    "tests/acceptance/test_up.py": "platforms",
    "tests/acceptance/test_demo.py": "platforms",
    "tests/faults/": "platforms",
}


def turn(nodeid: str) -> str:
    """Return what a test takes turns with: what starts many processes, or else its file."""
    found = [prefix for prefix in TURNS if nodeid.startswith(prefix)]
    return TURNS[max(found, key=len)] if found else nodeid.partition("::")[0]


class Turns(LoadScopeScheduling):
    """Where tests run in several processes: those that take turns stay in one, one by one."""

    def _split_scope(self, nodeid: str) -> str:
        return turn(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Turns:
    """Return who gives tests to processes; those that take longest come first."""
    config.option.loadscopereorder = False
    return Turns(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put those that start many processes first: the others fill the gap at the end."""
    order = {"stages": 0, "platforms": 1}
    items.sort(key=lambda item: order.get(turn(item.nodeid), 2))


@pytest.fixture(scope="session")
def postgres() -> Iterator[EmbeddedPostgres]:
    """Return the PostgreSQL server that the whole test session shares."""
    with EmbeddedPostgres(directory=settings.TEST_STATE_DIR, durable=False) as server:
        yield server
    shutil.rmtree(settings.TEST_STATE_DIR, ignore_errors=True)


@pytest.fixture(scope="session")
def valkey() -> Iterator[EmbeddedValkey]:
    """Return the Valkey server that the whole test session shares."""
    with EmbeddedValkey(directory=settings.TEST_STATE_DIR) as server:
        yield server


@pytest.fixture(scope="session")
def django_db_modify_db_settings(postgres: EmbeddedPostgres) -> None:
    """Make every database test wait for the server."""


@pytest.fixture
def wire(valkey: EmbeddedValkey) -> Iterator[None]:
    """Give a test an empty Redis."""
    redis.client().flushall()
    yield
    redis.client().flushall()
