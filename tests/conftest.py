"""Real servers for every test that asks for a database or for Redis."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

from config.embedded.postgres import EmbeddedPostgres
from config.embedded.valkey import EmbeddedValkey
from wildrydes import redis

TESTS = Path(__file__).parent

OF_THE_WHOLE = ("acceptance", "faults")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep tests apart that start whole platforms, where tests run in several processes.

    They take turns in one process; of the others each file stays in one.
    """
    for item in items:
        kind = item.path.relative_to(TESTS).parts[0]
        group = "platforms" if kind in OF_THE_WHOLE else str(item.path)
        item.add_marker(pytest.mark.xdist_group(group))


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
