"""A TCP proxy on loopback that behaves as bad networks do, in front of a server's unix socket."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
import threading
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

CHUNK = 64 * 1024
RESET = struct.pack("ii", 1, 0)  # SO_LINGER with no time to linger: close means reset


@dataclass
class Weather:
    """How the network is. `delay` is in seconds and one way; `drops` a share of the replies."""

    delay: float = 0.0
    black_hole: bool = False
    refuses: bool = False
    drops: float = 0.0


class Connection:
    """One client's connection, and ours to the server."""

    def __init__(self, client: asyncio.StreamWriter, server: asyncio.StreamWriter) -> None:
        self.client = client
        self.server = server
        self.lost = False

    def reset(self) -> None:
        """Break it off without a word."""
        for writer in (self.client, self.server):
            connection = writer.get_extra_info("socket")
            if connection is not None and connection.family == socket.AF_INET:
                with contextlib.suppress(OSError):
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            writer.transport.abort()


class Proxy:
    """Forwards a loopback port to a unix socket, through the weather of the moment.

    What a black hole has swallowed is gone: a connection that lost bytes stays dead until `clear`
    resets it, or for ever if told so, as when a firewall has forgotten it.
    """

    def __init__(self, target: Path) -> None:
        self._target = str(target)
        self._connections: set[Connection] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._random = random.Random(7)
        self.weather = Weather()
        self.port = 0

    def __enter__(self) -> Self:
        self._thread.start()
        self.port = asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def clear(self, *, forget_the_lost: bool = False) -> None:
        """Make the weather fair; reset the connections that lost bytes, or leave them dead."""
        self.weather = Weather()
        if not forget_the_lost:
            self._loop.call_soon_threadsafe(self._reset, True)

    def reset_all(self) -> None:
        """Reset every connection."""
        self._loop.call_soon_threadsafe(self._reset, False)

    def _reset(self, only_lost: bool) -> None:
        for connection in list(self._connections):
            if connection.lost or not only_lost:
                connection.reset()

    async def _listen(self) -> int:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def _close(self) -> None:
        self._server.close()
        self._reset(False)
        current = asyncio.current_task()
        tasks = [task for task in asyncio.all_tasks() if task is not current]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if self.weather.refuses:
                raise ConnectionRefusedError
            server_reader, server_writer = await asyncio.open_unix_connection(self._target)
        except OSError:
            Connection(writer, writer).reset()
            return
        connection = Connection(writer, server_writer)
        self._connections.add(connection)
        try:
            await asyncio.gather(
                self._pump(connection, reader, server_writer, replies=False),
                self._pump(connection, server_reader, writer, replies=True),
            )
        except (OSError, asyncio.CancelledError):
            connection.reset()
        finally:
            self._connections.discard(connection)

    async def _pump(
        self,
        connection: Connection,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        replies: bool,
    ) -> None:
        while chunk := await reader.read(CHUNK):
            if self.weather.delay:
                await asyncio.sleep(self.weather.delay)
            if self.weather.black_hole or connection.lost:
                connection.lost = True
                continue
            if replies and self._random.random() < self.weather.drops:
                raise ConnectionResetError
            writer.write(chunk)
            await writer.drain()
        if not connection.lost:
            writer.close()
