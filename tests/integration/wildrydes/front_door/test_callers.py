"""A caller that calls too often waits; nobody else does, and nobody while Redis is away."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest
from django.utils import timezone
from redis import Redis
from rest_framework.test import APIClient
from structlog.testing import capture_logs

from apps.identity import operations
from apps.identity.models import User
from wildrydes import redis
from wildrydes.front_door import buckets, callers, rates
from wildrydes.front_door.callers import Sight
from wildrydes.front_door.live import AGAIN
from wildrydes.front_door.rates import Rate

DAY = 86_400
LOOK, CHANGE = "/api/v1/rides", "/api/v1/instant-ride-rfqs"
RIDES = "/api/v1/ride-completions"
WANTED = {"from": "Frankfurt", "to": "Las Vegas"}  # nobody to ask for: it is refused in the view


@pytest.fixture
def limits(monkeypatch: pytest.MonkeyPatch, wire: None) -> None:
    """Let customers look three times a day and change something twice; rides are free."""
    found = rates.parse(f"customer.look=3/{DAY},customer.change=2/{DAY},unicorn=1/{DAY},rides=off")
    monkeypatch.setattr(rates, "current", lambda: found)
    monkeypatch.setattr(callers, "sight", Sight())


def client_of(username: str, **caller: str) -> APIClient:
    client = APIClient()
    client.force_authenticate(User.objects.create(username=username, **caller))
    return client


def customer(name: str = "cmr") -> APIClient:
    return client_of(name, role="customer", customer=name)


def statuses(client: APIClient, times: int, url: str = LOOK) -> list[int]:
    return [client.get(url).status_code for _ in range(times)]


def unjudged() -> float:
    return float(callers.UNJUDGED._value.get())


@pytest.mark.django_db
@pytest.mark.usefixtures("limits")
def test_each_answer_says_what_is_left_and_too_much_is_429() -> None:
    client = customer()
    answers = [client.get(LOOK) for _ in range(4)]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert {answer["RateLimit-Policy"] for answer in answers} == {f'"customer.look";q=3;w={DAY}'}
    left = [answer["RateLimit"].split(";")[:2] for answer in answers]
    assert left == [['"customer.look"', f"r={number}"] for number in (2, 1, 0, 0)]
    refusal = answers[-1]
    assert refusal["Content-Type"] == "application/problem+json"
    assert refusal.json()["type"] == "/problems/throttled"
    assert DAY / 3 - 60 < int(refusal["Retry-After"]) <= DAY / 3 + 1


@pytest.mark.django_db
@pytest.mark.usefixtures("limits")
def test_nobody_else_is_disturbed_and_looking_uses_up_no_changes() -> None:
    first, second = customer(), customer("thandi")
    assert statuses(first, 4)[-1] == 429
    assert statuses(second, 1) == [200]
    changes = [first.post(CHANGE, WANTED, format="json") for _ in range(3)]
    assert [answer.status_code for answer in changes] == [400, 400, 429]


@pytest.mark.django_db
@pytest.mark.usefixtures("limits")
@pytest.mark.parametrize("url", [CHANGE, "/api/v1/ride-prebookings"])
def test_each_token_is_of_a_caller_of_their_own(url: str) -> None:
    def changes(name: str) -> list[int]:
        user = User.objects.create(username=name, role="customer", customer=name)
        token = operations.issue_token(user=user, now=timezone.now()).token
        client = APIClient(headers={"Authorization": f"Token {token}"})
        return [client.post(url, WANTED, format="json").status_code for _ in range(3)]

    assert changes("cmr") == changes("thandi") == [400, 400, 429]


@pytest.mark.django_db
@pytest.mark.usefixtures("limits")
def test_who_is_unknown_or_may_not_come_in_uses_up_nothing() -> None:
    assert statuses(APIClient(), 5) == [401] * 5
    client = customer()
    assert [client.post(RIDES, {}, format="json").status_code for _ in range(5)] == [403] * 5
    assert redis.client().dbsize() == 0


@pytest.mark.django_db
@pytest.mark.usefixtures("limits")
def test_completed_rides_do_not_ask_redis(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buckets, "take", None)
    client = client_of("rarity", role="unicorn", fleet="north")
    answers = [client.post(RIDES, {}, format="json") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [400] * 3
    assert not answers[0].has_header("RateLimit")


@pytest.mark.django_db
@pytest.mark.usefixtures("limits")
def test_who_waits_for_news_is_not_counted_for_each() -> None:
    client = customer()
    again = [client.get(LOOK, **{AGAIN: True}) for _ in range(9)]
    assert {answer.status_code for answer in again} == {200}
    assert statuses(client, 1, LOOK) == [200]


@pytest.mark.django_db
def test_an_operation_that_knows_its_callers_says_that_it_may_throttle_them() -> None:
    paths = APIClient().get("/api/schema").json()["paths"]
    assert "429" in paths[LOOK]["get"]["responses"]
    assert "429" not in paths["/api/v1/payments/webhook"]["post"]["responses"]


@pytest.fixture(params=["nobody listens", "nobody answers"])
def no_redis(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let Redis be away, or hang."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1] if request.param == "nobody answers" else 1
        away = Redis(port=port, socket_timeout=0.1, socket_connect_timeout=0.1, retry=None)
        monkeypatch.setattr(redis, "impatient_client", lambda: away)
        monkeypatch.setattr(buckets, "SCRIPT", redis.Script(buckets.TAKE))
        yield
        away.close()


@pytest.mark.django_db
@pytest.mark.usefixtures("limits", "no_redis")
def test_without_redis_everyone_comes_in_and_it_is_said_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []
    take = buckets.take

    def counted(bucket: str, *, rate: Rate) -> Any:
        asked.append(bucket)
        return take(bucket, rate=rate)

    monkeypatch.setattr(buckets, "take", counted)
    client, before = customer(), unjudged()
    with capture_logs() as logs:
        assert statuses(client, 6) == [200] * 6

    said = [line for line in logs if line["log_level"] == "warning"]
    assert [line["event"] for line in said] == ["callers are not throttled: Redis is away"]
    assert unjudged() - before == 6
    assert asked == ["wildrydes:calls:customer.look:cmr"]


@pytest.mark.django_db
@pytest.mark.usefixtures("limits")
def test_when_redis_is_back_it_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    sight = Sight(clock=lambda: now)
    monkeypatch.setattr(callers, "sight", sight)
    client = customer()
    sight.lose(ConnectionError("away"))
    assert statuses(client, 9) == [200] * 9
    now = callers.BLIND_SECONDS
    assert statuses(client, 4) == [200, 200, 200, 429]


def test_that_redis_stays_away_is_said_once_a_minute() -> None:
    now = 0.0
    sight = Sight(clock=lambda: now)
    with capture_logs() as logs:
        for moment in (0.0, 5.0, 59.0, 60.0, 61.0):
            now = moment
            sight.lose(ConnectionError("away"))
    assert len(logs) == 2
