"""Questions that a process answers once it is ready for work."""

from __future__ import annotations

import logging
import socket

import httpx
from celery import Celery

TIMEOUT_SECONDS = 2.0

logging.getLogger("httpx").setLevel(logging.WARNING)  # it tells of every request, on the terminal


def answers_ok(url: str) -> bool:
    """Return whether a GET is answered with 200."""
    try:
        response = httpx.get(url, timeout=TIMEOUT_SECONDS, trust_env=False)
    except httpx.HTTPError:
        return False
    return response.status_code == httpx.codes.OK


def missing_workers(app: Celery, names: frozenset[str]) -> frozenset[str]:
    """Return those of the workers that do not answer a ping."""
    host = socket.gethostname()
    addresses = {f"{name}@{host}": name for name in names}
    inspect = app.control.inspect(destination=list(addresses), timeout=0.5, limit=len(addresses))
    answered = inspect.ping() or {}
    return frozenset(name for address, name in addresses.items() if address not in answered)
