"""Fare collection, customer payment and customer accounting, each alone on its own database."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.sandbox import SandboxProcess, running

from .stage import Servers, Stage
from .test_fares import ended, moved, submit

pytestmark = pytest.mark.timeout(300)

WORK = {
    "unicorn_management": [],
    "fare_collection": ["fare_collection", "fare_collection.advance"],
    "customer_payment": ["customer_payment"],
    "customer_accounting": ["customer_accounting", "customer_accounting.payments"],
}
SEEDS = {
    "customer_payment": ["seed_payment_methods"],
    "customer_accounting": ["seed_accounts"],
}


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    directory: Path = tmp_path_factory.mktemp("sandbox")
    with running(directory) as process:
        yield process


@pytest.fixture(scope="module")
def stages(servers: Servers, sandbox: SandboxProcess) -> dict[str, Stage]:
    """Return a stage for each service: one Redis, a database each."""
    stages = {
        service: servers.stage(settings=f"config.services.{service}", redis_db=0)
        for service in WORK
    }
    stages["customer_payment"].variables |= sandbox.environment
    return stages


@pytest.fixture(scope="module")
def accounts(stages: dict[str, Stage]) -> dict[str, dict[str, Any]]:
    """Start a relay and a worker for each service; return the accounts that each knows."""
    accounts = {}
    for service, queues in WORK.items():
        accounts[service] = stages[service].prepare(*SEEDS.get(service, ()))
        stages[service].start_relay()
        if queues:
            stages[service].start_worker(queues=queues)
    return accounts


@pytest.fixture(scope="module")
def clients(
    stages: dict[str, Stage], accounts: dict[str, dict[str, Any]]
) -> Iterator[tuple[httpx.Client, httpx.Client]]:
    """Return a unicorn's client of unicorn management, and staff's of fare collection."""
    publisher, fares = stages["unicorn_management"], stages["fare_collection"]
    publisher.start_web()
    fares.start_web()
    with (
        publisher.client(accounts["unicorn_management"]["unicorns"][0]) as unicorn,
        fares.client(accounts["fare_collection"]["staff"][0]) as staff,
    ):
        yield unicorn, staff


def assert_ledgers_agree(stages: dict[str, Stage], sandbox: SandboxProcess) -> None:
    sums = sandbox.ledger()["sums"]
    kept = Decimal(sums.get("captured", "0")) - Decimal(sums.get("refunded", "0"))
    accounting, payment = stages["customer_accounting"], stages["customer_payment"]
    cleared = "SELECT sum(amount) FROM customer_accounting_posting"
    assert accounting.query(f"{cleared} WHERE account = 'payment_clearing'") == [(kept,)]
    assert accounting.query(cleared) == [(0,)]
    paid = "SELECT sum(captured - refunded) FROM customer_payment_payment"
    assert payment.query(paid) == [(kept,)]


def test_fares_are_collected_and_given_back_across_four_databases(
    stages: dict[str, Stage],
    clients: tuple[httpx.Client, httpx.Client],
    sandbox: SandboxProcess,
) -> None:
    unicorn, staff = clients
    rides = {
        customer: submit(unicorn, customer)
        for customer in ("cmr", "cmr-declined", "cmr-capture", "cmr-closed")
    }

    paid = ended(staff, rides["cmr"], "collected")
    failed = {name: ended(staff, ride, "failed") for name, ride in rides.items() if name != "cmr"}

    assert moved(sandbox, paid) == ["authorised", "captured"]
    assert {name: fare["failed_step"] for name, fare in failed.items()} == {
        "cmr-declined": "authorise",
        "cmr-capture": "capture",
        "cmr-closed": "credit",
    }
    assert moved(sandbox, failed["cmr-closed"]) == ["authorised", "captured", "refunded"]
    assert_ledgers_agree(stages, sandbox)


def test_neither_database_holds_the_tables_of_another(stages: dict[str, Stage]) -> None:
    found = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
    for service, stage in stages.items():
        tables = {name for (name,) in stage.query(found)}
        others = [other for other in WORK if other != service]
        assert any(name.startswith(service) for name in tables)
        assert not any(name.startswith(tuple(others)) for name in tables)
