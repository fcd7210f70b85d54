"""Use case 1, over HTTP, with real processes: one ride goes in, each service has it.

Nobody here has a card: of each fare they are told that it could not be collected.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pyarrow.dataset
import pytest

from .stage import EVERYONE, RIDE, Servers, Stage, wait_until


@pytest.fixture(scope="module")
def stage(servers: Servers) -> Stage:
    return servers.stage()


@pytest.fixture(scope="module")
def accounts(stage: Stage) -> Iterator[dict[str, Any]]:
    accounts = stage.prepare()
    stage.start_relay()
    stage.start_worker()
    stage.start_web()
    return accounts


@pytest.fixture
def unicorn(stage: Stage, accounts: dict[str, Any]) -> Iterator[httpx.Client]:
    with stage.client(accounts["unicorns"][0]) as client:
        yield client


@pytest.fixture
def customer(stage: Stage, accounts: dict[str, Any]) -> Iterator[httpx.Client]:
    (account,) = (item for item in accounts["customers"] if item["customer"] == "cmr")
    with stage.client(account) as client:
        yield client


def delivered(client: httpx.Client, ride: str) -> set[str]:
    """Return who has the ride once everyone who is to have it does."""

    def everyone() -> set[str]:
        deliveries = client.get(f"/api/v1/ride-completions/{ride}").json()["deliveries"]
        done = {item["subscription"] for item in deliveries if item["status"] == "done"}
        return done if len(done) == len(deliveries) else set()

    found: set[str] = wait_until(everyone, what=f"ride {ride} is delivered")
    return found


def test_a_ride_reaches_every_service(unicorn: httpx.Client, customer: httpx.Client) -> None:
    answer = unicorn.post("/submit-ride-completion", json=RIDE)
    assert answer.status_code == 201
    ride = answer.json()["id"]
    assert answer.json() == {"id": ride, **RIDE, "fare": "256.50"}
    assert answer.headers["Location"].endswith(f"/api/v1/ride-completions/{ride}")

    assert delivered(unicorn, ride) == EVERYONE

    statement = customer.get("/api/v1/customers/me/statement").json()
    assert statement["balance"] == "256.50"
    assert [entry["amount"] for entry in statement["entries"]] == ["256.50"]
    loyalty = customer.get("/api/v1/customers/me/loyalty").json()
    assert (loyalty["points"], loyalty["tier"]) == (256, "bronze")
    notifications = customer.get("/api/v1/customers/me/notifications").json()["notifications"]
    assert [item["kind"] for item in notifications].count("ride_completed") == 1


def test_a_customer_with_an_address_is_told_by_e_mail_too(
    stage: Stage, customer: httpx.Client
) -> None:
    def emailed() -> Any:
        told = customer.get("/api/v1/customers/me/notifications").json()["notifications"]
        return len(told) == 2 and all(item["emailed_at"] for item in told)

    wait_until(emailed, what="both notifications are e-mailed")
    letters = [letter.read_text() for letter in (stage.directory / "mail").iterdir()]
    assert len(letters) == 2
    assert all("To: cmr@wildrydes.example" in letter for letter in letters)


def test_a_small_fare_does_not_reach_extraordinary_rides(unicorn: httpx.Client) -> None:
    ride = unicorn.post("/api/v1/ride-completions", json={**RIDE, "fare": 49.99}).json()["id"]
    assert delivered(unicorn, ride) == EVERYONE - {"extraordinary_rides.record_extraordinary_ride"}


def test_the_lake_holds_every_event_once(stage: Stage, unicorn: httpx.Client) -> None:
    rides = [unicorn.post("/api/v1/ride-completions", json=RIDE).json()["id"] for _ in range(5)]
    for ride in rides:
        delivered(unicorn, ride)
    fares = "fare_collection_farecollection WHERE status = 'failed'"
    told = stage.count("unicorn_management_ridecompletion")
    wait_until(lambda: stage.count(fares) == told, what="what becomes of every fare is told")
    events = stage.count("wildrydes_message WHERE kind = 'event'")

    def lake() -> Any:
        written = stage.query("SELECT coalesce(sum(rows), 0) FROM datalake_ingestion_lakefile")
        unwritten = stage.count("datalake_ingestion_lakefile WHERE written_at IS NULL")
        return unwritten == 0 and written == [(events,)]

    wait_until(lake, what="every lake file is written")
    lake_dir = Path(stage.directory / "lake")
    table = pyarrow.dataset.dataset(lake_dir, format="parquet", partitioning="hive").to_table()
    assert table.num_rows == events
    assert len(set(table.column("id").to_pylist())) == events


def test_a_batch_of_rides_keeps_the_good_ones(unicorn: httpx.Client) -> None:
    items = [RIDE, {**RIDE, "fare": -1}, {**RIDE, "to": "Paarl"}]
    answer = unicorn.post("/api/v1/ride-completions/batch", json={"items": items})
    assert answer.status_code == 201
    first, second, third = answer.json()["results"]
    assert second["errors"][0]["field"] == "fare"
    assert delivered(unicorn, first["id"]) == EVERYONE
    assert delivered(unicorn, third["id"]) == EVERYONE
