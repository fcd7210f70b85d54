"""A real sandbox provider, and the gateway to it with Stripe's own client."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from pytest_django import Settings

from apps.customer_payment import gateway
from tests.sandbox import SandboxProcess, running

TIMEOUT = timedelta(seconds=1)


@pytest.fixture(scope="session")
def sandbox_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    """Return the sandbox that the whole session shares; payments have references of their own."""
    directory: Path = tmp_path_factory.mktemp("sandbox")
    with running(directory) as process:
        yield process


@pytest.fixture
def sandbox(sandbox_process: SandboxProcess, settings: Settings) -> Iterator[SandboxProcess]:
    """Return a sandbox that behaves, and that the settings lead to."""
    settings.STRIPE_API_BASE = sandbox_process.url
    settings.STRIPE_TIMEOUT = TIMEOUT
    yield sandbox_process
    sandbox_process.behave()


@pytest.fixture
def provider(sandbox: SandboxProcess) -> gateway.Gateway:
    """Return the gateway to the sandbox."""
    return gateway.current()
