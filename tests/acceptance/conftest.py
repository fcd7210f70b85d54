"""What each test module stands on: the tests' PostgreSQL, and a Valkey that it may kill."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from config.embedded.postgres import EmbeddedPostgres

from .stage import Servers, Templates, running_servers


@pytest.fixture(scope="session")
def templates(postgres: EmbeddedPostgres) -> Templates:
    """Return the databases that stages are copies of."""
    return Templates(postgres)


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory, templates: Templates) -> Iterator[Servers]:
    """Return servers for the module's stages."""
    directory: Path = tmp_path_factory.mktemp("servers")
    yield from running_servers(directory, templates)
