"""Refusals that no view gives: said on the event loop, by whoever has no place for a request.

Source: Nygard, Release It! (Shed Load).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import cache
from typing import Any

from wildrydes.front_door import problems

Send = Callable[[dict[str, Any]], Awaitable[None]]


async def refuse(send: Send, status: int, *, close: bool = False) -> None:
    """Answer with the problem of a status; 503 says when to come back."""
    headers, body = _refusal(status, close=close)
    await send({"type": "http.response.start", "status": status, "headers": list(headers)})
    await send({"type": "http.response.body", "body": body, "more_body": False})


@cache
def _refusal(status: int, *, close: bool) -> tuple[tuple[tuple[bytes, bytes], ...], bytes]:
    """Return headers and body, made once: to refuse has to cost little when there is too much."""
    headers = {"Retry-After": "1"} if status == 503 else {}
    if close:
        headers["Connection"] = "close"
    answer = problems.response(problems.of_status(status, headers=headers))
    encoded = tuple(
        (name.lower().encode(), value.encode("latin-1")) for name, value in answer.items()
    )
    return encoded, answer.content
