"""Ride completions and prebookings as bytes on the wire; completions before the clock starts."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

DIFFERENT = 500
CUSTOMERS = tuple(f"customer-{number}" for number in range(DIFFERENT))
PATH = "/api/v1/ride-completions"
PREBOOKINGS = "/api/v1/ride-prebookings"
PREBOOKING = {"from": "Berlin", "to": "Potsdam"}
HOURS = 24 * 300


@dataclass(frozen=True)
class Target:
    """Where to send, as whom, and what else a side's body needs."""

    port: int
    token: str
    extra: tuple[tuple[str, str], ...] = ()

    def rides(self) -> Iterator[bytes]:
        """Yield requests that each submit one ride, for ever."""
        made = [self._post(PATH, self._ride(number)) for number in range(DIFFERENT)]
        return itertools.cycle(made)

    def batches(self, *, size: int) -> Iterator[bytes]:
        """Yield requests that each submit many rides, for ever."""
        body = {"items": [self._ride(number) for number in range(size)]}
        return itertools.cycle([self._post(f"{PATH}/batch", body)])

    def prebookings(self, *, campaign: str = "", tokens: Sequence[str] = ()) -> Iterator[bytes]:
        """Yield requests that each prebook another ride, for ever; no customer has two at once.

        With `tokens` each of `CUSTOMERS` comes with their own.
        """
        first = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(days=7)
        for hour in itertools.cycle(range(HOURS)):
            when = (first + timedelta(hours=hour)).isoformat()
            for number, customer in enumerate(CUSTOMERS):
                wanted = {**PREBOOKING, "customer": customer, "when": when}
                wanted |= {"campaign": campaign} if campaign else {}
                yield self._post(PREBOOKINGS, wanted, token=tokens[number] if tokens else "")

    def _ride(self, number: int) -> dict[str, Any]:
        return {
            "from": "Berlin",
            "to": "Frankfurt",
            "duration": 420,
            "distance": 600,
            "customer": CUSTOMERS[number],
            "fare": 256.5,
            **dict(self.extra),
        }

    def _post(self, path: str, body: Any, *, token: str = "") -> bytes:
        content = json.dumps(body).encode()
        head = (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\n"
            f"Authorization: Token {token or self.token}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(content)}\r\n\r\n"
        )
        return head.encode() + content
