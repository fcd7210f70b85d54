"""The body of a Celery message: JSON, read and written by orjson, and nothing but JSON.

kombu's own decoder makes other objects of what looks like one of its markers; a message whose data
has a key `__type__` would then arrive changed, or not at all.

Guarantee: what is read is what stands there, as JSON. What orjson does not write, kombu does.
Does not guarantee: whole numbers beyond 64 bits; they are read as floating point numbers.
"""

from __future__ import annotations

from typing import Any

import orjson
from kombu import serialization
from kombu.utils import json

_latest: tuple[str | bytes, Any] | None = None


def register() -> None:
    """Take the place of kombu's serializer of the name `json`, in this process."""
    serialization.register(
        "json", encode, decode, content_type="application/json", content_encoding="utf-8"
    )


def decode(text: str | bytes) -> Any:
    """Return what the JSON says; for the same body a second time, what was returned the first time.

    Celery asks twice for each task: to see which version of its protocol it is, and to run it.
    """
    global _latest
    latest, _latest = _latest, None
    if latest is not None and latest[0] is text:
        return latest[1]
    found = orjson.loads(text)
    _latest = (text, found)
    return found


def encode(value: Any) -> str:
    """Return the value as JSON. It may hold an `orjson.Fragment`: something encoded already."""
    try:
        return orjson.dumps(value).decode()
    except TypeError:
        return str(json.dumps(value))
