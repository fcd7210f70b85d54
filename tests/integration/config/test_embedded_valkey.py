"""The embedded Valkey server: its promises, tried on a real one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import kombu
import pytest
import redis

from config.embedded import errors, locks
from config.embedded.valkey import EmbeddedValkey


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedValkey]:
    with EmbeddedValkey(directory=tmp_path) as running:
        yield running


def client_of(server: EmbeddedValkey) -> redis.Redis:
    return redis.Redis.from_url(server.redis_client_url(), decode_responses=True)


def test_server_never_evicts_and_opens_no_port(server: EmbeddedValkey) -> None:
    with client_of(server) as client:
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        assert client.config_get("port") == {"port": "0"}


def test_celery_and_redis_py_reach_the_same_database(server: EmbeddedValkey) -> None:
    with kombu.Connection(server.redis_url(db=3)) as connection:
        queue = connection.SimpleQueue("parcel")
        queue.put("from kombu")
        queue.close()
    with redis.Redis.from_url(server.redis_client_url(db=3)) as client:
        assert client.llen("parcel") == 1


def test_killed_server_starts_again_empty(server: EmbeddedValkey) -> None:
    with client_of(server) as client:
        client.set("key", "value")
        server.kill()
        assert not server.is_running
        server.start()
        assert client.get("key") is None


def test_persistent_server_keeps_its_keys(tmp_path: Path) -> None:
    with EmbeddedValkey(directory=tmp_path, persistent=True) as server, client_of(server) as client:
        client.set("key", "value")
        server.stop()
        server.start()
        assert client.get("key") == "value"


def test_second_server_on_the_same_directory_is_refused(server: EmbeddedValkey) -> None:
    with pytest.raises(locks.HeldElsewhere, match=str(os.getpid())):
        EmbeddedValkey(directory=server.layout.state_dir).start()
    assert server.is_running


def test_server_that_was_left_behind_is_stopped_by_the_next_start(tmp_path: Path) -> None:
    with EmbeddedValkey(directory=tmp_path) as first:
        left_behind = first.pid
        first._lock.release()
        with EmbeddedValkey(directory=tmp_path) as second:
            assert second.pid != left_behind
        assert not first.is_running


def test_stopped_server_has_no_process_id(server: EmbeddedValkey) -> None:
    server.stop()
    with pytest.raises(errors.EmbeddedServerError, match="not running"):
        _ = server.pid
