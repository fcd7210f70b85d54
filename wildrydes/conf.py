"""The kernel's one setting, `WILDRYDES = {…}`, parsed once into a frozen dataclass."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any

from django.conf import settings

from wildrydes.errors import ConfigurationError


@dataclass(frozen=True, kw_only=True)
class KernelSettings:
    """What a project may set; the defaults suit a small production.

    `relay_poll` is how long the relay sleeps at most when no notification comes.
    `admission_lag` is the age of the oldest unrouted message from which new work is refused.
    `admission_early_percent` is the share of it, and of the queues' limits, from which on what
    matters less is refused.
    `routing_batch` is how many messages one turn of the relay takes.
    `message_bytes` is the size that a single message's data may have as JSON.
    `deduplication_window` is how long a deduplication id keeps its duplicates out.
    `idempotency_window` is how long the answer to a request with a key is given again.
    `throttles` says how often who may call; none may be throttled where it is empty.
    `flower_url` is where the admin leads to for what Celery knows of a delivery.
    `crash_at` names the crash point at which a process dies, in the fault tests.
    """

    topology: str
    source: str
    redis_url: str
    relay_poll: timedelta = timedelta(seconds=1)
    relay_lag_limit: timedelta = timedelta(seconds=30)
    admission_lag: timedelta = timedelta(seconds=30)
    admission_early_percent: int = 50
    routing_batch: int = 1000
    message_bytes: int = 256 * 1024
    deduplication_window: timedelta = timedelta(minutes=5)
    idempotency_window: timedelta = timedelta(hours=24)
    throttles: str = ""
    flower_url: str = ""
    crash_at: str = ""


def parse(raw: Mapping[str, Any]) -> KernelSettings:
    """Return the settings in `raw`, whose keys are the field names in upper case.

    Raises `ConfigurationError`, naming the key, when one is unknown, missing or of a wrong type.
    """
    fields = {field.name.upper(): field for field in dataclasses.fields(KernelSettings)}
    if unknown := set(raw) - set(fields):
        raise ConfigurationError(f"WILDRYDES has an unknown key: {', '.join(sorted(unknown))}")
    missing = {
        key
        for key, field in fields.items()
        if field.default is dataclasses.MISSING and key not in raw
    }
    if missing:
        raise ConfigurationError(f"WILDRYDES lacks the key: {', '.join(sorted(missing))}")
    for key, value in raw.items():
        _refuse_wrong_type(key, value, expected=str(fields[key].type))
    return KernelSettings(**{key.lower(): value for key, value in raw.items()})


@cache
def kernel_settings() -> KernelSettings:
    """Return the project's settings; they do not change while a process runs."""
    return parse(settings.WILDRYDES)


def _refuse_wrong_type(key: str, value: object, *, expected: str) -> None:
    types: dict[str, type] = {"str": str, "int": int, "timedelta": timedelta}
    if not isinstance(value, types[expected]) or isinstance(value, bool):
        raise ConfigurationError(f"WILDRYDES[{key!r}] must be of type {expected}, not {value!r}")
    positive = value > timedelta(0) if isinstance(value, timedelta) else True
    if not positive or (isinstance(value, int) and value < 1):
        raise ConfigurationError(f"WILDRYDES[{key!r}] must be positive, not {value!r}")
