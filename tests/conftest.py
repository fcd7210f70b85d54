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

OF_THE_WHOLE = ("tests/acceptance/", "tests/faults/")


class Turns(LoadScopeScheduling):
    """Where tests run in several processes: those that start whole platforms take turns in one.

    Of the others each file stays in one.
    """

    def _split_scope(self, nodeid: str) -> str:
        return "platforms" if nodeid.startswith(OF_THE_WHOLE) else nodeid.partition("::")[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Turns:
    """Return who gives tests to processes."""
    return Turns(config, log)


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
