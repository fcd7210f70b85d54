"""A client of event streams that takes the time as soon as it has read something."""

from __future__ import annotations

import http.client
import json
import re
import selectors
import socket
import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any

RFQS = "/api/v1/instant-ride-rfqs"
HEAD_END = b"\r\n\r\n"
QUOTE = re.compile(rb"event: quote\ndata: (\{[^\n]*\})\n\n")
READ_AT_ONCE = 65536
PATIENCE_SECONDS = 30.0


@dataclass(frozen=True)
class FirstQuote:
    """The first quote that a client saw: seconds of the day's clock."""

    given_at: float
    read_at: float
    stood_at: float

    @property
    def lag(self) -> float:
        """Return how long after it was given it was seen."""
        return self.read_at - self.given_at

    @property
    def was_there(self) -> bool:
        """Say whether it was given before the stream's head was read."""
        return self.given_at < self.stood_at


class Asker:
    """Someone who asks for quotes over a connection that is kept."""

    def __init__(self, port: int, token: str, *, deadline: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_SECONDS)
        self._headers = {"Authorization": f"Token {token}", "Content-Type": "application/json"}
        wanted = {"from": "Frankfurt", "to": "Las Vegas", "customer": "cmr"}
        self._body = json.dumps({**wanted, "deadline_seconds": deadline})

    def ask(self) -> str:
        """Return the new request's id."""
        return str(self._answer("POST", RFQS, self._body, expected=201)["id"])

    def is_open(self, rfq: str) -> bool:
        """Say whether a request waits for quotes."""
        return bool(self._answer("GET", f"{RFQS}/{rfq}", None, expected=200)["status"] == "open")

    def _answer(self, method: str, path: str, body: str | None, *, expected: int) -> Any:
        self._connection.request(method, path, body, self._headers)
        answer = self._connection.getresponse()
        content = answer.read()
        if answer.status != expected:
            raise RuntimeError(f"{method} {path}: {answer.status} {content!r}")
        return json.loads(content)


class Stream:
    """One event stream: connected at once, opened when it is known what to follow."""

    def __init__(self, port: int, token: str) -> None:
        self._token = token
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def open(self, rfq: str) -> None:
        """Ask for the stream of a request."""
        head = f"GET {RFQS}/{rfq}/stream HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        self._socket.sendall(f"{head}Authorization: Token {self._token}\r\n\r\n".encode())

    def first_quote(self) -> FirstQuote | None:
        """Wait for the first quote; none when the request is closed before there is one.

        Raises `RuntimeError` when the stream ends in another way.
        """
        received, stood_at = b"", 0.0
        while (found := QUOTE.search(received)) is None:
            chunk = self._socket.recv(READ_AT_ONCE)
            read_at = time.time()
            received += chunk
            stood_at = stood_at or (read_at if HEAD_END in received else 0.0)
            if b"event: closed" in received and not QUOTE.search(received):
                return None
            if not chunk:
                raise RuntimeError(f"a stream that broke off: {received!r}")
        given_at = datetime.fromisoformat(json.loads(found[1])["received_at"]).timestamp()
        return FirstQuote(given_at, read_at, stood_at)

    def is_open(self) -> bool:
        """Read what is there; say whether the stream goes on."""
        received = self._socket.recv(READ_AT_ONCE)
        return bool(received) and b"event: closed" not in received

    def fileno(self) -> int:
        """Return the descriptor, for a selector."""
        return self._socket.fileno()

    def close(self) -> None:
        """Hang up."""
        self._socket.close()


class Crowd:
    """Many streams that are open beside what is measured."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()

    def add(self, stream: Stream) -> None:
        """Follow one more."""
        self._selector.register(stream, selectors.EVENT_READ)

    def __len__(self) -> int:
        return len(self._selector.get_map())

    def read(self, *, seconds: float) -> None:
        """Read whatever comes, waiting so long at most; forget the streams that have ended."""
        for key, _ in self._selector.select(seconds):
            stream: Stream = key.fileobj  # type: ignore[assignment]
            if not stream.is_open():
                self._selector.unregister(stream)
                stream.close()
