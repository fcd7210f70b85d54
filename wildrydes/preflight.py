"""Preflight: what a setting of Celery, Redis or Postgres would do to messages, found at start-up.

Guarantee: a setting under which work is lost, hangs, runs twice or runs foreign code is refused;
one that only misleads or is careless is warned of. `docs/checks.md` lists them all.
Does not guarantee: anything about a server that is configured elsewhere, unless it is asked:
`check --deploy` asks Redis.
Source: `docs/decisions/0001-truth-in-postgres.md`; the source code of Celery and kombu 5.7.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core import checks

from wildrydes import redis, wire

UNITS = {"ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0, "": 0.001}
IDLE_OPTION = re.compile(r"idle_in_transaction_session_timeout=(\d+)(ms|s|min|h|d|)\b")


@dataclass(frozen=True)
class Hazard:
    """A setting that does harm. `number` begins with E, W or I for error, warning, information."""

    number: str
    holds: Callable[[], bool]
    text: str
    hint: str

    def message(self) -> checks.CheckMessage:
        """Return what `manage.py check` prints."""
        kinds = {"E": checks.Error, "W": checks.Warning, "I": checks.Info}
        return kinds[self.number[0]](self.text, hint=self.hint, id=f"wildrydes.{self.number}")


def celery_setting(name: str, default: Any = None) -> Any:
    """Return a setting of Celery by its name without the prefix."""
    return getattr(settings, f"CELERY_{name}", default)


def transport_options() -> Mapping[str, Any]:
    """Return the options of the connection to Redis."""
    return celery_setting("BROKER_TRANSPORT_OPTIONS") or {}


def idle_limit() -> timedelta | None:
    """Return after how long Postgres ends an idle transaction, as far as the settings say."""
    options = settings.DATABASES["default"].get("OPTIONS", {}).get("options", "")
    found = IDLE_OPTION.search(options)
    if not found or not int(found[1]):
        return None
    return timedelta(seconds=int(found[1]) * UNITS[found[2]])


def _serializers() -> set[str]:
    names = ("TASK_SERIALIZER", "RESULT_SERIALIZER", "EVENT_SERIALIZER")
    return {celery_setting(name, "json") for name in names}


HAZARDS = (
    Hazard(
        "E011",
        lambda: list(celery_setting("ACCEPT_CONTENT", ["json"])) != ["json"],
        "CELERY_ACCEPT_CONTENT has more than json: whoever reaches Redis could run code here.",
        "Accept json only.",
    ),
    Hazard(
        "E012",
        lambda: (
            not all(
                transport_options().get(name)
                for name in ("socket_timeout", "socket_connect_timeout")
            )
        ),
        "CELERY_BROKER_TRANSPORT_OPTIONS lacks a timeout: a dead Redis would hang us.",
        "Set socket_timeout and socket_connect_timeout.",
    ),
    Hazard(
        "E013",
        lambda: celery_setting("TASK_CREATE_MISSING_QUEUES", True),
        "CELERY_TASK_CREATE_MISSING_QUEUES is on: a mistyped queue would swallow messages.",
        "Turn it off.",
    ),
    Hazard(
        "E014",
        lambda: _serializers() != {"json"},
        "A serializer of Celery is not json: workers refuse what it writes, or run what is in it.",
        "Set CELERY_TASK_SERIALIZER, _RESULT_SERIALIZER and _EVENT_SERIALIZER to json.",
    ),
    Hazard(
        "E015",
        lambda: celery_setting("TASK_ACKS_LATE", False),
        "CELERY_TASK_ACKS_LATE is on: Redis would hand out a delivery that is still in work when "
        "its visibility timeout ends. The lease in Postgres is what brings back lost work.",
        "Turn it off.",
    ),
    Hazard(
        "E016",
        lambda: celery_setting("TASK_REJECT_ON_WORKER_LOST", False),
        "CELERY_TASK_REJECT_ON_WORKER_LOST is on: a message that kills its worker would kill one "
        "after the other, for ever. The kernel counts, isolates it and puts it aside.",
        "Turn it off.",
    ),
    Hazard(
        "E017",
        lambda: celery_setting("WORKER_PREFETCH_MULTIPLIER", 4) != 1,
        "CELERY_WORKER_PREFETCH_MULTIPLIER is not 1: a worker would hoard deliveries whose leases "
        "end before it comes to them, while its neighbours idle.",
        "Set it to 1.",
    ),
    Hazard(
        "E018",
        lambda: celery_setting("TASK_ALWAYS_EAGER", False),
        "CELERY_TASK_ALWAYS_EAGER is on: the relay itself would run the handlers.",
        "Turn it off; in tests call `wildrydes.consumer.consume`.",
    ),
    Hazard(
        "W031",
        lambda: "visibility_timeout" in transport_options(),
        "visibility_timeout is set and does nothing here: deliveries are acknowledged on the wire "
        "when they are received.",
        "Remove it. `Queue.lease` says when lost work comes back.",
    ),
    Hazard(
        "W032",
        lambda: transport_options().get("ack_emulation", True) is not False,
        "ack_emulation is on: three round trips for each delivery instead of one, for copies that "
        "the leases make useless, and that come back an hour late.",
        "Set it to False in CELERY_BROKER_TRANSPORT_OPTIONS.",
    ),
    Hazard(
        "W033",
        lambda: not celery_setting("WORKER_SOFT_SHUTDOWN_TIMEOUT", 0),
        "CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT is 0: a worker that is told to stop breaks off the "
        "delivery at hand, which then waits for its lease.",
        "Set it to a few seconds less than the platform waits before it kills.",
    ),
    Hazard(
        "W034",
        lambda: celery_setting("TASK_TIME_LIMIT") or celery_setting("TASK_SOFT_TIME_LIMIT"),
        "A time limit of Celery is set: it ends a whole delivery with all its messages.",
        "Remove it. `Subscription.time_limit` ends one handler call.",
    ),
    Hazard(
        "W035",
        lambda: not transport_options().get("health_check_interval"),
        "CELERY_BROKER_TRANSPORT_OPTIONS lacks health_check_interval: a half-open connection to "
        "Redis would go unnoticed until something is sent.",
        "Set it to some seconds.",
    ),
    Hazard(
        "W036",
        lambda: celery_setting("BROKER_CONNECTION_MAX_RETRIES", 100) is not None,
        "CELERY_BROKER_CONNECTION_MAX_RETRIES is finite: workers would give up on a Redis that is "
        "away for long.",
        "Set it to None.",
    ),
    Hazard(
        "W037",
        lambda: idle_limit() is None,
        "Postgres does not end idle transactions: a worker that is stopped in the middle would "
        "hold its locks for ever.",
        "Set idle_in_transaction_session_timeout in the database's OPTIONS.",
    ),
    Hazard(
        "W039",
        lambda: bool(
            celery_setting("RESULT_BACKEND") and not celery_setting("REDIS_SOCKET_TIMEOUT")
        ),
        "CELERY_REDIS_SOCKET_TIMEOUT is not set: whoever sends a chord would wait two minutes for "
        "a dead Redis.",
        "Set it to some seconds.",
    ),
)

NO_RESULTS = Hazard(
    "I038",
    lambda: not celery_setting("RESULT_BACKEND"),
    "CELERY_RESULT_BACKEND is not set: there are no chords, and the answers to a scatter travel as "
    "messages, which is slower.",
    "Set it to the same Redis.",
)


@checks.register("wildrydes")
def check_celery(
    app_configs: Iterable[AppConfig] | None, **kwargs: Any
) -> list[checks.CheckMessage]:
    """Refuse settings that would lose or double a message, hang, or run foreign code."""
    return [hazard.message() for hazard in HAZARDS if hazard.holds()]


@checks.register("wildrydes", deploy=True)
def check_results(
    app_configs: Iterable[AppConfig] | None, **kwargs: Any
) -> list[checks.CheckMessage]:
    """Say so where chords would have nowhere to put their results."""
    return [NO_RESULTS.message()] if NO_RESULTS.holds() else []


@checks.register("wildrydes", deploy=True)
def check_redis_keeps_what_it_is_given(
    app_configs: Iterable[AppConfig] | None, **kwargs: Any
) -> list[checks.CheckMessage]:
    """Refuse a Redis that throws keys away when it is full; warn when it cannot be asked."""
    try:
        policy = redis.client().config_get("maxmemory-policy").get("maxmemory-policy", b"")
    except wire.WIRE_ERRORS as error:
        return [checks.Warning(f"Redis cannot be asked: {error}", id="wildrydes.W030")]
    text = policy.decode() if isinstance(policy, bytes) else str(policy)
    if text == "noeviction":
        return []
    hint = "Set maxmemory-policy to noeviction."
    return [
        checks.Error(f"Redis evicts keys when it is full ({text}).", hint=hint, id="wildrydes.E030")
    ]
