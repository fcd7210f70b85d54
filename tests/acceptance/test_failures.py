"""The promises under failures: a worker killed in the middle, a Redis that goes away."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from .stage import RIDE, Servers, Stage, wait_until

pytestmark = pytest.mark.timeout(300)  # each ride is a saga too

EFFECTS = {
    "customer_accounting_journalentry": 1,
    "customer_accounting_posting": 2,
    "customer_loyalty_pointsentry": 1,
    "customer_notification_notification WHERE kind = 'ride_completed'": 1,
    "extraordinary_rides_extraordinaryride": 1,
}


@pytest.fixture(scope="module")
def stage(servers: Servers) -> Stage:
    return servers.stage()


@pytest.fixture(scope="module")
def unicorn(stage: Stage) -> Iterator[httpx.Client]:
    accounts = stage.prepare()
    stage.start_relay()
    stage.start_worker()
    stage.start_web()
    with stage.client(accounts["unicorns"][0]) as client:
        yield client


def post_rides(client: httpx.Client, count: int) -> None:
    """Post rides in batches of fifty; each must be accepted."""
    for _ in range(count // 50):
        answer = client.post("/api/v1/ride-completions/batch", json={"items": [RIDE] * 50})
        assert answer.status_code == 201
        assert all("id" in result for result in answer.json()["results"])


def assert_every_effect_once(stage: Stage) -> None:
    """Wait until nothing is in flight; then each ride so far has each of its effects, once."""
    rides = stage.count("unicorn_management_ridecompletion")

    def quiet() -> bool:
        waiting = stage.count("wildrydes_unrouted") + stage.count("wildrydes_dispatch")
        return waiting + stage.count("wildrydes_receipt WHERE status <> 'done'") == 0

    wait_until(quiet, what="everything is delivered", seconds=240)
    assert {table: stage.count(table) for table in EFFECTS} == {
        table: per_ride * rides for table, per_ride in EFFECTS.items()
    }
    assert stage.query("SELECT sum(amount) FROM customer_accounting_posting") == [(0,)]
    rows = stage.query(
        "SELECT coalesce(sum(rows), 0) FROM datalake_ingestion_lakefile"
        " WHERE type = 'v1.ride.completed' AND written_at IS NOT NULL"
    )
    assert rows == [(rides,)]


def test_a_worker_killed_in_the_middle_of_hundreds_of_rides_loses_and_doubles_nothing(
    stage: Stage, unicorn: httpx.Client
) -> None:
    before = stage.count("customer_accounting_journalentry")
    post_rides(unicorn, 200)
    wait_until(
        lambda: stage.count("customer_accounting_journalentry") > before, what="the work has begun"
    )
    stage.kill("worker")
    post_rides(unicorn, 100)
    stage.start_worker()
    assert_every_effect_once(stage)


def test_a_relay_killed_in_the_middle_of_hundreds_of_rides_loses_and_doubles_nothing(
    stage: Stage, unicorn: httpx.Client
) -> None:
    stage.kill("relay")
    post_rides(unicorn, 200)
    before = stage.count("wildrydes_receipt")
    stage.start_relay()
    wait_until(lambda: stage.count("wildrydes_receipt") > before, what="the relay has begun")
    stage.kill("relay")
    post_rides(unicorn, 100)
    stage.start_relay()
    assert_every_effect_once(stage)


def test_rides_are_accepted_while_redis_is_away_and_delivered_when_it_is_back(
    stage: Stage, unicorn: httpx.Client, servers: Servers
) -> None:
    post_rides(unicorn, 50)
    servers.valkey.kill()
    try:
        for _ in range(4):
            post_rides(unicorn, 50)
        ready: dict[str, Any] = unicorn.get("/readyz").json()
        assert unicorn.get("/readyz").status_code == 503, ready
    finally:
        servers.valkey.start()
    assert_every_effect_once(stage)
    assert unicorn.get("/readyz").status_code == 200
