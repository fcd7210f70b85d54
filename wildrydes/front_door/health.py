"""Health Endpoint Monitoring: alive, ready, and the figures.

Guarantee: none of these raises; `readyz` answers within seconds also when a server does not.
Does not guarantee: that a process which is alive is ready. Restart on the first, route on the
second.
Source: Microsoft, Health Endpoint Monitoring; the Prometheus exposition format.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog
from django.db import connection, connections
from django.http import HttpRequest, HttpResponse
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
from wildrydes.front_door import figures, json

ANSWER_WITHIN_SECONDS = 3.0
CHECKS_AT_ONCE = 8

log = structlog.get_logger(__name__)


@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """Say that this process answers; nothing else is looked at."""
    return _answer({"status": "alive"}, status=200)


@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """Say whether work can be accepted and will go on: Postgres, Redis, the relay's lag.

    200 when every check is ok, else 503; each check is shown with its figures.
    """
    checks = [Check(("postgres", "relay"), _ask_postgres), Check(("redis",), _ask_redis)]
    deadline = time.monotonic() + ANSWER_WITHIN_SECONDS
    for check in checks:
        check.start()
    found = {name: item for check in checks for name, item in check.result(deadline).items()}
    ready = all(finding.ok for finding in found.values())
    shown = {name: {"ok": finding.ok, **finding.figures} for name, finding in found.items()}
    status = "ready" if ready else "not ready"
    return _answer({"status": status, "checks": shown}, status=200 if ready else 503)


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


class Check(threading.Thread):
    """One check in a thread of its own: a server that hangs must not hang the answer.

    The thread ends when the server does answer; no more than `CHECKS_AT_ONCE` wait at a time.
    """

    places = threading.BoundedSemaphore(CHECKS_AT_ONCE)

    def __init__(self, names: tuple[str, ...], ask: Callable[[], dict[str, Finding]]) -> None:
        super().__init__(name=f"check-{names[0]}", daemon=True)
        self._names = names
        self._ask = ask
        self._found = self._no("no answer in time")

    def run(self) -> None:
        """Ask, unless too many are still waiting for an answer."""
        if not self.places.acquire(blocking=False):
            return
        try:
            self._found = self._ask()
        except Exception as error:  # noqa: BLE001 - whatever it is, the check has failed
            log.warning("a readiness check failed", check=self._names[0], error=str(error))
            self._found = self._no(type(error).__name__)
        finally:
            self.places.release()

    def result(self, deadline: float) -> dict[str, Finding]:
        """Return what was found by `deadline` (of the monotonic clock)."""
        self.join(max(0.0, deadline - time.monotonic()))
        return self._found

    def _no(self, error: str) -> dict[str, Finding]:
        return {name: Finding(False, {"error": error}) for name in self._names}


def _ask_postgres() -> dict[str, Finding]:
    try:
        started = time.monotonic()
        with connection.cursor() as cursor:
            cursor.execute("SET statement_timeout = '2s'")
            cursor.execute("SELECT 1")
        took = _milliseconds(started)
        lag = figures.relay_lag_seconds()
    finally:
        connections.close_all()
    limit = kernel_settings().relay_lag_limit.total_seconds()
    relay = Finding(lag <= limit, {"lag_seconds": round(lag, 3), "limit_seconds": limit})
    return {"postgres": Finding(True, {"milliseconds": took}), "relay": relay}


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
