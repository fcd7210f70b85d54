"""Monolith to services: two services, two databases, one Redis, and no code that differs."""

from __future__ import annotations

import pytest

from .stage import RIDE, Servers, Stage, wait_until


def tables(stage: Stage) -> set[str]:
    """Return the names of the tables in a stage's database."""
    rows = stage.query("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    return {name for (name,) in rows}


@pytest.fixture(scope="module")
def publisher(servers: Servers) -> Stage:
    return servers.stage(settings="config.services.unicorn_management", redis_db=0)


@pytest.fixture(scope="module")
def consumer(servers: Servers) -> Stage:
    return servers.stage(settings="config.services.customer_accounting", redis_db=0)


def test_a_ride_posted_to_one_service_reaches_the_ledger_of_another(
    publisher: Stage, consumer: Stage
) -> None:
    accounts = publisher.prepare()
    customers = consumer.prepare()["customers"]
    publisher.start_relay()
    consumer.start_relay()
    consumer.start_worker(queues=["customer_accounting"])
    publisher.start_web()
    consumer.start_web()

    with publisher.client(accounts["unicorns"][0]) as unicorn:
        ride = unicorn.post("/submit-ride-completion", json=RIDE).json()["id"]

        def acknowledged() -> bool:
            found = unicorn.get(f"/api/v1/ride-completions/{ride}").json()["deliveries"]
            status = {item["subscription"]: item["status"] for item in found}
            return status["customer_accounting.record_fare"] == "acknowledged"

        wait_until(acknowledged, what="the dispatch is acknowledged across the databases")

    (cmr,) = (item for item in customers if item["customer"] == "cmr")
    with consumer.client(cmr) as customer:
        statement = customer.get("/api/v1/customers/me/statement").json()
    assert statement["balance"] == "256.50"
    open_ = "wildrydes_dispatch WHERE subscription = 'customer_accounting.record_fare'"
    assert publisher.count(open_) == 0


def test_neither_database_holds_the_tables_of_the_other(publisher: Stage, consumer: Stage) -> None:
    assert "unicorn_management_ridecompletion" in tables(publisher)
    assert "customer_accounting_journalentry" in tables(consumer)
    assert not any(name.startswith("customer_accounting") for name in tables(publisher))
    assert not any(name.startswith("unicorn_management") for name in tables(consumer))
