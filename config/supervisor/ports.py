"""Whether the ports we need are free, asked before anything is started."""

from __future__ import annotations

import socket
from dataclasses import dataclass

from config.embedded import processes
from config.supervisor import errors


@dataclass(frozen=True)
class Port:
    """An address to listen on, and the variable that chooses it."""

    variable: str
    host: str
    number: int

    def is_free(self) -> bool:
        """Return whether we could listen there now."""
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((self.host, self.number))
            except OSError:
                return False
        return True


def require_free(*ports: Port, patience_seconds: float) -> None:
    """Raise `PlatformError` naming the first port that stays in use, or that is asked for twice."""
    taken: dict[int, Port] = {}
    for port in ports:
        if port.number in taken:
            raise errors.PlatformError(
                f"{taken[port.number].variable} and {port.variable} are both {port.number}. "
                "Choose two different ports."
            )
        taken[port.number] = port
        if not processes.wait_until(port.is_free, seconds=patience_seconds):
            raise errors.PlatformError(
                f"{port.variable}: port {port.number} on {port.host} is already in use. Stop the "
                f"program that listens there, or choose another port: "
                f"{port.variable}={port.number + 1} make up"
            )
