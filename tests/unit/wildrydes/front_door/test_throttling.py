"""Logins are slowed down, and nobody is locked out because Redis is away."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import RequestFactory
from redis.exceptions import ConnectionError as RedisConnectionError
from rest_framework.request import Request
from rest_framework.views import APIView
from structlog.testing import capture_logs

from wildrydes.front_door import throttling
from wildrydes.front_door.json import JSONParser


class FakeCache(dict[str, Any]):
    """A cache that answers, or does not."""

    away = False

    def get(self, key: str, default: Any = None) -> Any:
        if self.away:
            raise RedisConnectionError("refused")
        return super().get(key, default)

    def set(self, key: str, value: Any, timeout: float) -> None:
        self[key] = value


@pytest.fixture
def cache(monkeypatch: pytest.MonkeyPatch) -> FakeCache:
    cache = FakeCache()
    monkeypatch.setattr(throttling.LoginThrottle, "cache", cache)
    monkeypatch.setattr(throttling.LoginThrottle, "redis_is_away", False)
    monkeypatch.setattr(throttling.LoginThrottle, "THROTTLE_RATES", {"login": "3/min"})
    return cache


def attempt(
    throttle: type[throttling.LoginThrottle], *, address: str = "10.0.0.1", username: str = "cmr"
) -> bool:
    body = f'{{"username": "{username}", "password": "x"}}'
    request = RequestFactory().post("/", body, content_type="application/json", REMOTE_ADDR=address)
    return throttle().allow_request(Request(request, parsers=[JSONParser()]), APIView())


def test_an_address_has_so_many_attempts(cache: FakeCache) -> None:
    attempts = [attempt(throttling.LoginThrottle) for _ in range(4)]

    assert attempts == [True, True, True, False]
    assert attempt(throttling.LoginThrottle, address="10.0.0.2")


def test_an_account_has_so_many_attempts_from_wherever(cache: FakeCache) -> None:
    attempts = [attempt(throttling.AccountThrottle, address=f"10.0.0.{n}") for n in range(4)]

    assert attempts == [True, True, True, False]
    assert attempt(throttling.AccountThrottle, username="thandi")


def test_no_username_can_make_a_key_that_the_cache_refuses(cache: FakeCache) -> None:
    assert attempt(throttling.AccountThrottle, username="\\ud800 " + "x" * 10_000)
    assert all(len(key) < 100 and key.isascii() for key in cache)


def test_logins_go_on_while_redis_is_away_and_it_is_said_once(cache: FakeCache) -> None:
    cache.away = True
    with capture_logs() as logs:
        attempts = [attempt(throttling.LoginThrottle) for _ in range(10)]

    assert all(attempts)
    assert [entry["log_level"] for entry in logs] == ["warning"]


def test_it_is_said_again_when_redis_goes_away_again(cache: FakeCache) -> None:
    with capture_logs() as logs:
        for cache.away in (True, False, True):
            attempt(throttling.LoginThrottle)

    assert len(logs) == 2
