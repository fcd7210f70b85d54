"""Servers for each test module: a test that kills one disturbs nobody else's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .stage import Servers, running_servers


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """Return running servers that belong to the module."""
    directory: Path = tmp_path_factory.mktemp("servers")
    yield from running_servers(directory)
