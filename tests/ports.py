"""Ports of the loopback interface for servers that tests start."""

from __future__ import annotations

import socket

_given: set[int] = set()


def free_port() -> int:
    """Return a port that nobody uses, and another one each time.

    The system may offer one again as soon as it is let go of.
    """
    while True:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port: int = probe.getsockname()[1]
        if port not in _given:
            _given.add(port)
            return port
