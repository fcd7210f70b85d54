"""HTTP/1.1 over sockets that do not block: send prepared bytes, read as much as is answered."""

from __future__ import annotations

import re
import selectors
import socket
from collections.abc import Sequence
from dataclasses import dataclass

HEAD_END = b"\r\n\r\n"
LENGTH = re.compile(rb"\r\ncontent-length:\s*(\d+)", re.IGNORECASE)
RETRY_AFTER = re.compile(rb"\r\nretry-after:", re.IGNORECASE)
READ_AT_ONCE = 65536


@dataclass(frozen=True)
class Answer:
    """What came back: the status, and whether it said when to try again."""

    status: int
    says_retry_after: bool = False


class Connection:
    """One connection with at most one request on its way."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._received = b""
        self._socket = self._connected()
        self.sent_for = 0.0
        self.is_busy = False

    def fileno(self) -> int:
        """Return the descriptor, for a selector."""
        return self._socket.fileno()

    def send(self, request: bytes, *, due_at: float) -> None:
        """Send a request that was due at that moment. Small ones fit the socket's buffer."""
        self.sent_for, self.is_busy = due_at, True
        self._socket.setblocking(True)
        self._socket.sendall(request)
        self._socket.setblocking(False)

    def receive(self) -> Answer | None:
        """Read what is there; return the answer once it is whole.

        Raises `ConnectionError` when the server hangs up.
        """
        chunk = self._socket.recv(READ_AT_ONCE)
        if not chunk:
            raise ConnectionError("the server closed the connection")
        self._received += chunk
        end = self._received.find(HEAD_END)
        if end < 0:
            return None
        length = LENGTH.search(self._received, 0, end)
        if length is None:
            raise ConnectionError("an answer without Content-Length")
        if len(self._received) < end + len(HEAD_END) + int(length[1]):
            return None
        answer = Answer(
            status=int(self._received[9:12]),
            says_retry_after=RETRY_AFTER.search(self._received, 0, end) is not None,
        )
        self._received, self.is_busy = b"", False
        return answer

    def reconnect(self) -> None:
        """Begin anew after the server hung up."""
        self.close()
        self._received, self.is_busy = b"", False
        self._socket = self._connected()

    def close(self) -> None:
        """Hang up."""
        self._socket.close()

    def _connected(self) -> socket.socket:
        connected = socket.create_connection(("127.0.0.1", self._port), timeout=10)
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connected.setblocking(False)
        return connected


class Pool:
    """Connections to one port, and a selector that says which of them have something to read."""

    def __init__(self, port: int, *, size: int) -> None:
        self.connections: Sequence[Connection] = [Connection(port) for _ in range(size)]
        self._selector = selectors.DefaultSelector()
        for connection in self.connections:
            self._selector.register(connection, selectors.EVENT_READ)

    def answers(self, *, seconds: float) -> list[tuple[Connection, Answer]]:
        """Wait so long at most; return what was answered. Status 0: the server hung up."""
        found = []
        for key, _ in self._selector.select(max(seconds, 0.0)):
            connection: Connection = key.fileobj  # type: ignore[assignment]
            try:
                answer = connection.receive()
            except (ConnectionError, ValueError):
                was_busy = connection.is_busy
                self._selector.unregister(connection)
                connection.reconnect()
                self._selector.register(connection, selectors.EVENT_READ)
                answer = Answer(0) if was_busy else None
            if answer is not None:
                found.append((connection, answer))
        return found

    def close(self) -> None:
        """Hang up everywhere."""
        self._selector.close()
        for connection in self.connections:
            connection.close()
