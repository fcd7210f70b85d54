"""Server-Sent Events: what happened so far, written so that a reader can go on where it stopped.

Each happening of a thing has a small number of its own that never changes. The id of an event is
the set of the numbers sent up to it, as the bits of a hexadecimal number. So a reader that says
which event was its last gets what it has not seen, and nothing twice, in whatever order things
came to be seen.

Guarantee: an event whose number is in the reader's set is not written; the others are.
Does not guarantee: an order among happenings; that is the caller's.
Source: WHATWG HTML, Server-sent events.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from django.http import HttpResponse

CONTENT_TYPE = "text/event-stream"
RESUME_HEADER = "Last-Event-ID"
MASK = re.compile(r"[0-9a-f]{1,256}")
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


@dataclass(frozen=True, kw_only=True)
class Happening:
    """One thing that happened. `number` is its own among all that can happen to this thing."""

    number: int
    event: str
    data: Mapping[str, Any]


def seen(last_event_id: str) -> int:
    """Return the set of numbers that a reader has seen; none where the id is none of ours."""
    return int(last_event_id, 16) if MASK.fullmatch(last_event_id) else 0


def written(happenings: Iterable[Happening], *, seen: int) -> bytes:
    """Return the events that are not among those seen, each with the id to go on from."""
    parts: list[bytes] = []
    for happening in happenings:
        bit = 1 << happening.number
        if not seen & bit:
            seen |= bit
            data = orjson.dumps(happening.data, default=str)
            head = f"id: {seen:x}\nevent: {happening.event}\ndata: ".encode()
            parts.append(head + data + b"\n\n")
    return b"".join(parts)


def answer(
    happenings: Iterable[Happening], *, last_event_id: str, headers: Mapping[str, str] | None = None
) -> HttpResponse:
    """Return the events that the reader has not seen, as an answer that ends after them.

    `headers` say that more may come. Who has seen all that there will ever be is answered 204,
    which tells a browser not to come back.
    """
    body = written(happenings, seen=seen(last_event_id))
    if not body and not headers:
        return HttpResponse(status=204, headers=HEADERS)
    shown = {**HEADERS, **(headers or {})}
    return HttpResponse(body, content_type=CONTENT_TYPE, headers=shown)
