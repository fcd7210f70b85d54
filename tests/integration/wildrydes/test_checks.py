"""Preflight: every setting and every topology that would lose work is refused by its number."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core import checks as django_checks
from pytest_django import Settings

from config.env import PROJECT_ROOT
from wildrydes import checks, pipelines, preflight, redis, requests, subscriptions, topology
from wildrydes.saga import definition
from wildrydes.topology import Pipeline, Queue, Schedule, Subscription, Topic, Topology, Workers

OPTIONS = settings.CELERY_BROKER_TRANSPORT_OPTIONS
DATABASE = settings.DATABASES["default"]


def numbers(found: Iterable[django_checks.CheckMessage]) -> set[str]:
    """Return the numbers of messages, and see that each says what to do or names its culprit."""
    messages = list(found)
    assert all(message.msg for message in messages)
    return {str(message.id).removeprefix("wildrydes.") for message in messages}


def without(name: str) -> dict[str, Any]:
    """Return the transport options without one of them."""
    return {key: value for key, value in OPTIONS.items() if key != name}


def test_the_settings_of_this_project_have_no_hazard() -> None:
    assert numbers(preflight.check_celery(None)) == set()


@pytest.mark.parametrize(
    ("number", "name", "value"),
    [
        ("E011", "CELERY_ACCEPT_CONTENT", ["json", "pickle"]),
        ("E012", "CELERY_BROKER_TRANSPORT_OPTIONS", without("socket_timeout")),
        ("E012", "CELERY_BROKER_TRANSPORT_OPTIONS", without("socket_connect_timeout")),
        ("E013", "CELERY_TASK_CREATE_MISSING_QUEUES", True),
        ("E014", "CELERY_TASK_SERIALIZER", "pickle"),
        ("E014", "CELERY_RESULT_SERIALIZER", "pickle"),
        ("E014", "CELERY_EVENT_SERIALIZER", "yaml"),
        ("E015", "CELERY_TASK_ACKS_LATE", True),
        ("E016", "CELERY_TASK_REJECT_ON_WORKER_LOST", True),
        ("E017", "CELERY_WORKER_PREFETCH_MULTIPLIER", 4),
        ("E017", "CELERY_WORKER_PREFETCH_MULTIPLIER", 0),
        ("E018", "CELERY_TASK_ALWAYS_EAGER", True),
        ("W031", "CELERY_BROKER_TRANSPORT_OPTIONS", {**OPTIONS, "visibility_timeout": 3600}),
        ("W032", "CELERY_BROKER_TRANSPORT_OPTIONS", without("ack_emulation")),
        ("W032", "CELERY_BROKER_TRANSPORT_OPTIONS", {**OPTIONS, "ack_emulation": True}),
        ("W033", "CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT", 0),
        ("W034", "CELERY_TASK_TIME_LIMIT", 30),
        ("W034", "CELERY_TASK_SOFT_TIME_LIMIT", 30),
        ("W035", "CELERY_BROKER_TRANSPORT_OPTIONS", without("health_check_interval")),
        ("W036", "CELERY_BROKER_CONNECTION_MAX_RETRIES", 100),
        ("W039", "CELERY_REDIS_SOCKET_TIMEOUT", None),
    ],
)
def test_a_setting_that_does_harm_is_found(
    settings: Settings, number: str, name: str, value: object
) -> None:
    setattr(settings, name, value)
    assert numbers(preflight.check_celery(None)) == {number}


@pytest.mark.parametrize(
    ("number", "name"),
    [
        ("E013", "CELERY_TASK_CREATE_MISSING_QUEUES"),
        ("E017", "CELERY_WORKER_PREFETCH_MULTIPLIER"),
        ("W033", "CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT"),
        ("W036", "CELERY_BROKER_CONNECTION_MAX_RETRIES"),
    ],
)
def test_the_default_of_celery_is_a_hazard_where_nothing_is_set(
    settings: Settings, number: str, name: str
) -> None:
    delattr(settings, name)
    assert numbers(preflight.check_celery(None)) == {number}


@pytest.mark.parametrize(
    ("options", "seconds"),
    [
        ("-c idle_in_transaction_session_timeout=60s -c lock_timeout=30s", 60.0),
        ("-c idle_in_transaction_session_timeout=2min", 120.0),
        ("-c idle_in_transaction_session_timeout=1500", 1.5),
        ("-c idle_in_transaction_session_timeout=0", None),
        ("-c lock_timeout=30s", None),
        ("", None),
    ],
)
def test_the_limit_of_idle_transactions_is_read_as_postgres_reads_it(
    monkeypatch: pytest.MonkeyPatch, options: str, seconds: float | None
) -> None:
    monkeypatch.setitem(DATABASE, "OPTIONS", {"options": options})
    limit = preflight.idle_limit()
    assert (limit and limit.total_seconds()) == seconds
    assert ("W037" in numbers(preflight.check_celery(None))) == (seconds is None)


def test_before_a_deployment_it_is_said_that_chords_would_have_no_results(
    settings: Settings,
) -> None:
    settings.CELERY_RESULT_BACKEND = None
    assert numbers(preflight.check_results(None)) == {"I038"}
    settings.CELERY_RESULT_BACKEND = "redis://"
    assert numbers(preflight.check_results(None)) == set()


@pytest.mark.usefixtures("wire")
def test_a_redis_that_evicts_keys_is_refused() -> None:
    assert numbers(preflight.check_redis_keeps_what_it_is_given(None)) == set()
    redis.client().config_set("maxmemory-policy", "allkeys-lru")
    try:
        assert numbers(preflight.check_redis_keeps_what_it_is_given(None)) == {"E030"}
    finally:
        redis.client().config_set("maxmemory-policy", "noeviction")


def test_a_redis_that_cannot_be_asked_is_warned_of(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise ConnectionError("nobody there")

    monkeypatch.setattr(redis, "client", fail)
    assert numbers(preflight.check_redis_keeps_what_it_is_given(None)) == {"W030"}


TWICE = ("one.cut", "one.fold", "one.cut")
WHOLE = Topology(
    topics=(Topic(name="rides", types=("v1.ride.ended",)),),
    queues=(Queue(name="a"), Queue(name="b")),
    subscriptions=(
        Subscription(name="one.record", topics=("rides",), queue="a"),
        Subscription(name="one.do", command="v1.thing.do", queue="a"),
        Subscription(name="one.hear", replies=("v1.thing.done",), queue="a"),
        Subscription(name="one.cut", queue="a"),
        Subscription(name="one.fold", queue="b"),
    ),
    workers=(Workers(name="all", queues=("a", "b")),),
    pipelines=(Pipeline(name="paper", steps=("one.cut", "one.fold")),),
)


@pytest.fixture(autouse=True)
def no_sagas(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget the sagas of the installed services, whose commands these topologies do not have."""
    monkeypatch.setattr(definition, "_definitions", {})


@pytest.fixture
def bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bind a handler of the right role to every subscription of the whole topology."""
    monkeypatch.setattr(subscriptions, "_bindings", {})
    subscriptions.subscribe("one.record")(lambda envelope: None)
    subscriptions.subscribe("one.do")(lambda envelope: None)
    requests.receive_replies("one.hear")(lambda request, envelope: None)
    pipelines.pipeline_step("one.cut")(lambda envelope: None)
    pipelines.pipeline_step("one.fold")(lambda envelope: None)


def found_in(monkeypatch: pytest.MonkeyPatch, current: Topology) -> set[str]:
    """Return the numbers of what is wrong with a topology."""
    monkeypatch.setattr(topology, "current", lambda: current)
    return numbers(checks.check_topology(None))


def changed(name: str, **changes: Any) -> dict[str, Any]:
    """Return the subscriptions with one of them changed."""
    return {
        "subscriptions": tuple(
            replace(entry, **changes) if entry.name == name else entry
            for entry in WHOLE.subscriptions
        )
    }


@pytest.mark.usefixtures("bound")
def test_a_whole_topology_has_nothing_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    assert found_in(monkeypatch, WHOLE) == set()


@pytest.mark.usefixtures("bound")
@pytest.mark.parametrize(
    ("wrong", "changes"),
    [
        ({"E002"}, {"topics": WHOLE.topics * 2}),
        ({"E002"}, {"pipelines": WHOLE.pipelines * 2}),
        ({"E002", "E052"}, {"pipelines": (Pipeline(name="paper", steps=TWICE),)}),
        ({"E003"}, changed("one.do", topics=("rides",))),
        ({"E003"}, changed("one.record", topics=())),
        ({"E003"}, changed("one.cut", command="v1.paper.tear")),
        ({"E003", "E053"}, changed("one.record", replies=("v1.thing.done",))),
        ({"E004"}, changed("one.record", topics=("drives",))),
        ({"E005"}, changed("one.record", queue="c")),
        ({"E006"}, changed("one.record", filter={"fare": "much"})),
        ({"E007"}, {"workers": (Workers(name="all", queues=("a",)),)}),
        ({"E008"}, {"workers": (Workers(name="all", queues=("a", "b", "c")),)}),
        ({"E009"}, {"subscriptions": WHOLE.subscriptions[1:]}),
        (
            {"E040"},
            {"queues": (Queue(name="a", lease=timedelta(milliseconds=900)), WHOLE.queues[1])},
        ),
        ({"E041"}, changed("one.do", time_limit=timedelta(seconds=60))),
        ({"E042"}, {"queues": (Queue(name="a", per_second=0), WHOLE.queues[1])}),
        ({"E050"}, {"pipelines": (*WHOLE.pipelines, Pipeline(name="empty", steps=()))}),
        ({"E051"}, {"pipelines": (Pipeline(name="paper", steps=("one.cut", "one.fold", "x.y")),)}),
        ({"E052"}, changed("one.fold", queue="a")),
        ({"E053"}, changed("one.hear", replies=(), command="v1.thing.hear")),
        ({"E055", "E053"}, changed("one.record", responder="one")),
        ({"E055", "E053"}, changed("one.record", answers_to="one.hear")),
        ({"E056", "E053"}, changed("one.record", responder="one", answers_to="one.do")),
        ({"E054"}, changed("one.do", command="v1.ride.ended")),
        ({"E062"}, {"schedules": (Schedule(command="v1.ride.ended", every=timedelta(hours=1)),)}),
        ({"E063"}, {"schedules": (Schedule(command="v1.thing.do", every=timedelta(seconds=1)),)}),
        ({"E054"}, changed("one.hear", replies=("v1.thing.do",))),
        ({"E054"}, changed("one.hear", replies=("v1.paper.cut",))),
    ],
)
def test_a_topology_that_would_lose_work_is_refused(
    monkeypatch: pytest.MonkeyPatch, wrong: set[str], changes: dict[str, Any]
) -> None:
    assert found_in(monkeypatch, replace(WHOLE, **changes)) == wrong


def test_a_service_that_is_installed_has_to_handle_its_subscriptions(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(subscriptions, "_bindings", {})
    entry = Subscription(name="customer_loyalty.dance", topics=("rides",), queue="a")
    assert found_in(monkeypatch, replace(WHOLE, subscriptions=(entry,), pipelines=())) == {"E010"}


def test_a_topology_that_cannot_be_found_is_said_to_be_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail() -> Topology:
        raise ImportError("no module named config.topologie")

    monkeypatch.setattr(topology, "current", fail)
    assert numbers(checks.check_topology(None)) == {"E001"}


@pytest.mark.parametrize(
    ("number", "name", "value"),
    [("E020", "SECRET_KEY", "short"), ("E021", "DEMO_ACCOUNTS", True)],
)
def test_what_must_not_be_deployed_is_refused(
    settings: Settings, number: str, name: str, value: object
) -> None:
    settings.DEMO_ACCOUNTS = False
    assert numbers(checks.check_secrets(None)) == set()
    setattr(settings, name, value)
    assert numbers(checks.check_secrets(None)) == {number}


def test_every_check_is_in_the_documentation_and_nothing_else_is() -> None:
    pattern = re.compile(r'"([EWI]0\d\d)"|wildrydes\.([EW]0\d\d)"')
    sources = [Path(str(module.__file__)).read_text() for module in (checks, preflight)]
    in_code = {one or two for source in sources for one, two in pattern.findall(source)}
    documented = set(re.findall(r"\b[EWI]0\d\d\b", (PROJECT_ROOT / "docs/checks.md").read_text()))
    assert documented == in_code
