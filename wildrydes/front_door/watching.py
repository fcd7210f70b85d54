"""Who is to be told when a scatter changes: one listening connection for a whole process.

Guarantee: whoever watches a thing is told of each change that commits after the watch began; also
of those that nobody announced, or that came while Postgres was away, about a second later.
Does not guarantee: that something has changed. Whoever is told looks again.
Source: PostgreSQL, LISTEN and NOTIFY.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import structlog

from wildrydes import postgres

log = structlog.get_logger(__name__)

CHANNEL = "wildrydes_scatter"
POLL_SECONDS = 1.0
STUCK_SECONDS = 5.0
LINGER_SECONDS = 10.0

# What a scatter looks like from outside: it is open or closed, and so many have responded.
LOOK = """
SELECT scatter.id::text, scatter.status || ' ' || count(response.id)
FROM wildrydes_scatter AS scatter
LEFT JOIN wildrydes_response AS response ON response.scatter_id = scatter.id
WHERE scatter.id = ANY(%s::uuid[]) GROUP BY scatter.id
"""


class Changes:
    """Tells those who watch. All of it lives in one event loop."""

    def __init__(self) -> None:
        self._watchers: dict[str, set[asyncio.Event]] = {}
        self._looks: dict[str, str] = {}
        self._told: set[str] = set()
        self._listening: asyncio.Task[None] | None = None
        self._left_at = 0.0

    @contextmanager
    def of(self, id: str, *, tell: asyncio.Event) -> Iterator[None]:
        """Set `tell` whenever something changed at the scatter of that id, until the block ends."""
        self._watchers.setdefault(id, set()).add(tell)
        if self._listening is None or self._listening.done():
            self._listening = asyncio.create_task(self._listen_on())
        try:
            yield
        finally:
            self._leave(id, tell)

    def _leave(self, id: str, tell: asyncio.Event) -> None:
        self._watchers[id].discard(tell)
        if not self._watchers[id]:
            del self._watchers[id]
            self._looks.pop(id, None)
        self._left_at = asyncio.get_running_loop().time()

    def _is_wanted(self) -> bool:
        idle = asyncio.get_running_loop().time() - self._left_at
        return bool(self._watchers) or idle < LINGER_SECONDS

    async def _listen_on(self) -> None:
        """Listen while somebody watches, and a little longer; wait out a Postgres that is away."""
        while self._is_wanted():
            try:
                await self._listen()
            except (psycopg.Error, OSError, TimeoutError) as error:
                log.warning("listening_interrupted", error=str(error))
                await asyncio.sleep(POLL_SECONDS)
                self._tell_all()

    async def _listen(self) -> None:
        async with asyncio.timeout(STUCK_SECONDS):
            parameters = postgres.driver_parameters()
            listening = await psycopg.AsyncConnection.connect(**parameters, autocommit=True)
        async with listening:
            await listening.execute(f"LISTEN {CHANNEL}")
            self._tell_all()
            while self._is_wanted():
                async for notification in listening.notifies(timeout=POLL_SECONDS):
                    self._told.add(notification.payload)
                    self._tell(notification.payload)
                async with asyncio.timeout(STUCK_SECONDS):
                    await self._look(listening)

    async def _look(self, listening: psycopg.AsyncConnection[tuple[str, str]]) -> None:
        """Find what nobody announced, and that the connection is alive."""
        found = await listening.execute(LOOK, [list(self._watchers)])
        for id, look in await found.fetchall():
            if self._looks.get(id, look) != look and id not in self._told:
                self._tell(id)
            if id in self._watchers:
                self._looks[id] = look
        self._told.clear()

    def _tell(self, id: str) -> None:
        for news in self._watchers.get(id, ()):
            news.set()

    def _tell_all(self) -> None:
        for id in self._watchers:
            self._tell(id)
