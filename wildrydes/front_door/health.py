"""Health Endpoint Monitoring: alive, ready, and the figures.

Guarantee: none of these raises; each answers within seconds also when a server does not.
Does not guarantee: that a process which is alive is ready. Restart on the first, route on the
second.
Source: Microsoft, Health Endpoint Monitoring; the Prometheus exposition format.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    generate_latest,
    multiprocess,
    values,
)

from wildrydes import redis
from wildrydes.conf import kernel_settings
from wildrydes.front_door import admission, figures, json
from wildrydes.front_door.patience import Question

ANSWER_WITHIN_SECONDS = 3.0

log = structlog.get_logger(__name__)


@csrf_exempt
@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """Say that this process answers; nothing else is looked at."""
    return _answer({"status": "alive"}, status=200)


@csrf_exempt
@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """Say whether work can be accepted and will go on: Postgres, Redis, the relay's lag.

    200 when every check is ok, else 503; each check is shown with its figures. The pressure at the
    door, what it refuses and how old what waits is are shown and make nobody unready: another
    instance would be under the same.
    """
    deadline = time.monotonic() + ANSWER_WITHIN_SECONDS
    postgres, redis_ = Question(_ask_postgres), Question(_ask_redis)
    found = {
        **_findings(("postgres", "relay", "admission"), postgres, deadline=deadline),
        **_findings(("redis",), redis_, deadline=deadline),
    }
    ready = all(finding.ok for finding in found.values())
    shown = {name: {"ok": finding.ok, **finding.figures} for name, finding in found.items()}
    status = "ready" if ready else "not ready"
    return _answer({"status": status, "checks": shown}, status=200 if ready else 503)


@csrf_exempt
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Return the counters of all processes of this machine, and the figures of the tables."""
    body = generate_latest(_counters()) + generate_latest(_figures)
    return HttpResponse(body, content_type=CONTENT_TYPE_LATEST)


@dataclass(frozen=True)
class Finding:
    """What a check found."""

    ok: bool
    figures: Mapping[str, Any] = field(default_factory=dict)


Findings = Question[dict[str, Finding]]


def _findings(names: tuple[str, ...], question: Findings, *, deadline: float) -> dict[str, Finding]:
    try:
        return question.answer(deadline=deadline)
    except Exception as error:  # noqa: BLE001 - whatever it is, the check has failed
        log.warning("a readiness check failed", check=names[0], error=str(error))
        return {name: Finding(False, {"error": type(error).__name__}) for name in names}


def _ask_postgres() -> dict[str, Finding]:
    started = time.monotonic()
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = '2s'")
        cursor.execute("SELECT 1")
    took = _milliseconds(started)
    lag = figures.relay_lag_seconds()
    limit = kernel_settings().relay_lag_limit.total_seconds()
    relay = Finding(lag <= limit, {"lag_seconds": round(lag, 3), "limit_seconds": limit})
    return {
        "postgres": Finding(True, {"milliseconds": took}),
        "relay": relay,
        "admission": Finding(True, admission.state()),
    }


def _ask_redis() -> dict[str, Finding]:
    started = time.monotonic()
    redis.client().ping()
    return {"redis": Finding(True, {"milliseconds": _milliseconds(started)})}


def _milliseconds(started: float) -> float:
    return round((time.monotonic() - started) * 1000, 1)


def _answer(content: Mapping[str, Any], *, status: int) -> HttpResponse:
    answer = HttpResponse(json.dumps(content), status=status, content_type="application/json")
    answer["Cache-Control"] = "no-store"
    return answer


def _counters() -> CollectorRegistry:
    """Return this process's counters or, where processes share theirs in files, those of all.

    prometheus_client has decided which, from the environment, before the first counter was made.
    """
    if values.ValueClass is values.MutexValue:
        return REGISTRY
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return registry


_figures = CollectorRegistry()
_figures.register(figures.Figures())
