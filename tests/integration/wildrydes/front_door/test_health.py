"""Alive, ready and the figures, also when what they speak of is broken."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families
from redis import Redis

from config.embedded.valkey import EmbeddedValkey
from wildrydes import queue_limits, redis
from wildrydes.front_door import figures, health
from wildrydes.models import Dispatch, Message, Receipt, new_id


def readiness() -> tuple[int, dict[str, Any]]:
    answer = Client().get("/readyz")
    assert answer["Content-Type"] == "application/json"
    return answer.status_code, answer.json()


def samples() -> dict[tuple[str, ...], float]:
    """Return what `/metrics` says, by name and label values, in order of the labels' names."""
    text = Client().get("/metrics").content.decode()
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def message(*, age: timedelta = timedelta(), due_in: timedelta | None = None) -> Message:
    now = timezone.now()
    return Message.objects.create(
        type="v1.ride.completed",
        kind="event",
        source="//test",
        data={},
        published_at=now - age,
        not_before=None if due_in is None else now + due_in,
    )


@pytest.fixture
def no_redis(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let Redis be away."""
    away = Redis(port=1, socket_connect_timeout=0.2, retry=None)
    monkeypatch.setattr(redis, "client", lambda: away)


def test_healthz_touches_nothing(no_redis: None) -> None:
    """Given no Redis, and no right of this test to use a database."""
    answer = Client().get("/healthz")

    assert (answer.status_code, answer.json()) == (200, {"status": "alive"})
    assert answer["Cache-Control"] == "no-store"


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("wire")
def test_readyz_shows_each_check_with_its_figures() -> None:
    status, content = readiness()

    assert (status, content["status"]) == (200, "ready")
    assert set(content["checks"]) == {"postgres", "redis", "relay", "admission"}
    assert content["checks"]["admission"]["ok"] is True
    assert all(check["ok"] for check in content["checks"].values())
    assert content["checks"]["postgres"]["milliseconds"] >= 0
    assert content["checks"]["relay"] == {"ok": True, "lag_seconds": 0, "limit_seconds": 30}


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("wire")
@pytest.mark.parametrize(
    ("age", "due_in", "ready"),
    [
        (timedelta(seconds=5), None, True),
        (timedelta(seconds=40), None, False),
        (timedelta(hours=1), timedelta(hours=1), True),
        (timedelta(hours=1), timedelta(seconds=-5), True),
        (timedelta(hours=1), timedelta(seconds=-40), False),
    ],
)
def test_a_relay_that_lags_behind_is_not_ready(
    age: timedelta, due_in: timedelta | None, ready: bool
) -> None:
    message(age=age, due_in=due_in)
    status, content = readiness()

    assert status == (200 if ready else 503)
    assert content["checks"]["relay"]["ok"] is ready
    assert content["checks"]["postgres"]["ok"]


@pytest.mark.django_db(transaction=True)
def test_without_redis_it_is_not_ready(no_redis: None) -> None:
    status, content = readiness()

    assert (status, content["status"]) == (503, "not ready")
    assert content["checks"]["redis"] == {"ok": False, "error": "ConnectionError"}
    assert content["checks"]["postgres"]["ok"]


@pytest.mark.usefixtures("wire")
def test_without_postgres_it_is_not_ready(
    django_db_blocker: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused() -> None:
        raise ConnectionRefusedError

    monkeypatch.setattr(health.figures, "relay_lag_seconds", refused)
    with django_db_blocker.unblock():
        status, content = readiness()

    assert status == 503
    assert content["checks"]["postgres"] == {"ok": False, "error": "ConnectionRefusedError"}
    assert content["checks"]["relay"] == {"ok": False, "error": "ConnectionRefusedError"}
    assert content["checks"]["redis"]["ok"]


@pytest.mark.django_db(transaction=True)
def test_a_server_that_hangs_does_not_hang_the_answer(
    valkey: EmbeddedValkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "ANSWER_WITHIN_SECONDS", 0.2)
    monkeypatch.setattr(health.figures, "relay_lag_seconds", lambda: time.sleep(1) or 0.0)
    started = time.monotonic()
    status, content = readiness()

    assert time.monotonic() - started < 0.9
    assert (status, content["checks"]["postgres"]["error"]) == (503, "TimeoutError")
    time.sleep(1)


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("wire")
def test_the_figures_are_those_of_the_tables_and_of_redis() -> None:
    message(age=timedelta(seconds=40))
    queue, subscription = "customer_accounting", "customer_accounting.record_fare"
    for size, sent_at in ((3, None), (4, None), (5, timezone.now())):
        Dispatch.objects.create(
            subscription=subscription,
            queue=queue,
            message_ids=[],
            size=size,
            weight=1,
            sent_at=sent_at,
        )
    for status in ("done", "done", "dead", "retrying"):
        Receipt.objects.create(
            subscription=subscription, message_id=new_id(), message_type="x", status=status
        )
    redis.client().lpush(queue, b"a", b"b")
    queue_limits.limit(queue=queue, per_second=2.5, by="ada")

    found = samples()

    assert found["wildrydes_postgres_up",] == found["wildrydes_redis_up",] == 1
    assert found["wildrydes_queue_waiting_messages", queue] == 7
    assert found["wildrydes_queue_open_dispatches", queue] == 1
    assert found["wildrydes_queue_limit_per_second", queue] == 2.5
    assert ("wildrydes_queue_limit_per_second", "extraordinary_rides") not in found
    assert found["wildrydes_queue_tasks_on_the_wire", queue] == 2
    assert found["wildrydes_queue_tasks_on_the_wire", "extraordinary_rides"] == 0
    assert found["wildrydes_receipts", "done", subscription] == 2
    assert found["wildrydes_receipts", "dead", subscription] == 1
    assert found["wildrydes_receipts", "retrying", subscription] == 1
    assert 40 <= found["wildrydes_oldest_unrouted_age_seconds",] < 60


@pytest.mark.django_db(transaction=True)
def test_the_counters_are_there_too() -> None:
    text = Client().get("/metrics").content.decode()

    assert "# TYPE wildrydes_messages_accepted_total counter" in text


@pytest.mark.django_db(transaction=True)
def test_without_redis_its_figures_are_missing(no_redis: None) -> None:
    found = samples()

    assert (found["wildrydes_redis_up",], found["wildrydes_postgres_up",]) == (0, 1)
    assert not any(name == "wildrydes_queue_tasks_on_the_wire" for name, *_ in found)


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("wire")
def test_without_postgres_its_figures_are_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused() -> float:
        raise DatabaseError("refused")

    monkeypatch.setattr(figures, "relay_lag_seconds", refused)
    found = samples()

    assert (found["wildrydes_redis_up",], found["wildrydes_postgres_up",]) == (1, 0)
    assert not any(name == "wildrydes_receipts" for name, *_ in found)


@pytest.mark.django_db(transaction=True)
def test_the_number_done_is_estimated_in_a_large_table(monkeypatch: pytest.MonkeyPatch) -> None:
    Receipt.objects.bulk_create(
        Receipt(subscription=name, message_id=new_id(), message_type="x", status=status)
        for name, status, count in (("a.b", "done", 900), ("c.d", "done", 90), ("a.b", "dead", 10))
        for _ in range(count)
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE wildrydes_receipt")
    monkeypatch.setattr(figures, "COUNTED_BYTES", 0)

    found = figures.receipts()

    assert found["a.b", "dead"] == 10
    assert found["a.b", "done"] == pytest.approx(900, rel=0.05)
    assert found["c.d", "done"] == pytest.approx(90, rel=0.05)
