"""Poison delays nobody: what is no message at all does not end the worker that takes it."""

from __future__ import annotations

import redis

from .stage import EVERYONE, RIDE, Servers, wait_until


def test_entries_that_are_no_messages_end_no_worker(servers: Servers) -> None:
    stage = servers.stage()
    accounts = stage.prepare()
    stage.start_relay()
    stage.start_worker()
    stage.start_web()
    client = redis.Redis.from_url(servers.valkey.redis_client_url(0))
    for entry in (b"\xff\xfe not JSON", b"{", b"[]", b"17", b'{"body": "e30="}'):
        client.lpush("customer_accounting", entry)

    with stage.client(accounts["unicorns"][0]) as unicorn:
        ride = unicorn.post("/submit-ride-completion", json=RIDE).json()["id"]

        def done() -> bool:
            found = unicorn.get(f"/api/v1/ride-completions/{ride}").json()["deliveries"]
            return {item["subscription"] for item in found if item["status"] == "done"} == EVERYONE

        wait_until(done, what="the ride is delivered")
    assert stage.processes["worker"].poll() is None
    assert "unreadable_entry_dropped" in (stage.directory / "worker.log").read_text()
