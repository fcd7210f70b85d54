"""A card's number that somebody sends is refused, and is in no row, message, log or Redis key."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from tests.sandbox import SandboxProcess, running
from wildrydes import redaction

from .stage import FIVE, RIDE, Servers, Stage, wait_until

METHODS = "/api/v1/customers/me/payment-methods"
NUMBER = "4012888888881881"
WRITTEN = (NUMBER, "4012 8888 8888 1881", "4012-8888-8888-1881")
REFUSED: list[dict[str, Any]] = [
    *({"token": number} for number in WRITTEN),
    {"token": int(NUMBER)},
    {"token": "pm_card_visa", "number": NUMBER},
    {"token": "pm_card_visa", "card": {"number": WRITTEN[1], "cvc": "123"}},
    {NUMBER: "pm_card_visa"},
]

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxProcess]:
    directory: Path = tmp_path_factory.mktemp("sandbox")
    with running(directory) as process:
        yield process


@pytest.fixture(scope="module")
def stage(servers: Servers, sandbox: SandboxProcess) -> Iterator[Stage]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in sandbox.environment.items():
            patch.setenv(name, value)
        patch.setenv("WILDRYDES_LOG_LEVEL", "DEBUG")
        yield servers.stage()


def rows(stage: Stage) -> str:
    """Return every row of every table as text."""
    tables = stage.query("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    found = [stage.query(f'SELECT row::text FROM "{table}" AS row') for (table,) in tables]
    return "\n".join(text for table in found for (text,) in table)


def redis_contents(servers: Servers) -> str:
    """Return every key of Redis, with its value as it is dumped."""
    with Redis.from_url(servers.valkey.redis_client_url()) as client:
        keys = client.keys("*")
        values = [client.dump(key) or b"" for key in keys]
    return b"\n".join([*keys, *values]).decode("utf-8", "replace")


def test_a_number_is_refused_and_left_nowhere(
    servers: Servers, stage: Stage, sandbox: SandboxProcess
) -> None:
    accounts = stage.prepare()
    stage.start_relay()
    stage.start_worker()
    stage.start_web()

    with stage.client(accounts["customers"][0]) as cmr:
        for body in REFUSED:
            answer = cmr.post(METHODS, json=body)
            assert answer.status_code == 400
            assert not redaction.is_in(answer.text)
        assert cmr.get(f"{METHODS}?number={NUMBER}").status_code == 400
        assert cmr.get(f"/api/v1/{NUMBER}").status_code == 404
        assert cmr.post(METHODS, json={"token": "pm_card_visa"}).status_code == 201
    with stage.client(accounts["unicorns"][0]) as unicorn:
        ride = unicorn.post("/submit-ride-completion", json=RIDE).json()["id"]
        page = f"/api/v1/ride-completions/{ride}"

        def has_arrived() -> bool:
            deliveries = unicorn.get(page).json()["deliveries"]
            done = {one["subscription"] for one in deliveries if one["status"] == "done"}
            return done >= FIVE

        wait_until(has_arrived, what="the ride arrives everywhere")

    kept = {
        "rows": rows(stage),
        "redis": redis_contents(servers),
        "logs": "\n".join(path.read_text() for path in stage.directory.glob("*.log")),
        "sandbox": "\n".join(
            path.read_text(errors="replace")
            for path in sandbox.directory.rglob("*")
            if path.is_file()
        ),
    }

    for where, text in kept.items():
        assert text, where
        for number in (*WRITTEN, NUMBER[4:]):
            assert number not in text, where
    assert "pm_card_visa" in kept["sandbox"]
    assert "4242" in kept["rows"]
