"""Stripe's wire format, as far as we speak it: form-encoded in, JSON out, errors as objects."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

KEY = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")


@dataclass(frozen=True)
class Answer:
    """A status and a JSON document."""

    status: int
    body: Mapping[str, Any]


class Refusal(Exception):  # noqa: N818 - it is an answer
    """What is answered instead of what was asked for."""

    def __init__(self, status: int, kind: str, message: str, **more: Any) -> None:
        super().__init__(message)
        self.answer = Answer(status, {"error": {"type": kind, "message": message, **more}})


def invalid(message: str, *, status: int = 400, **more: Any) -> Refusal:
    """Return the refusal of a request that cannot be carried out as it stands."""
    return Refusal(status, "invalid_request_error", message, **more)


def missing(kind: str, id_: str) -> Refusal:
    """Return the refusal of a request that names what is not there."""
    return invalid(f"No such {kind}: {id_!r}", status=404, code="resource_missing")


def read_form(text: str) -> dict[str, Any]:
    """Return form data as an object; `metadata[reference]=x` becomes a nested one."""
    found: dict[str, Any] = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        match = KEY.fullmatch(name)
        if match is None:
            raise invalid(f"Received unknown parameter: {name}")
        path = [match[1], *re.findall(r"\[([^\[\]]*)\]", match[2])]
        inner = found
        for part in path[:-1]:
            inner = inner.setdefault(part, {})
        inner[path[-1]] = value
    return found


def fingerprint(method: str, path: str, form: Mapping[str, Any]) -> str:
    """Return what tells one request from another under the same idempotency key."""
    text = json.dumps([method, path, form], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
