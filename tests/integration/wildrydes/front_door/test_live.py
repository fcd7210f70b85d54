"""Who waits for something is told when it happens, holds nothing, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import gc
import json
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.db import connection
from django.utils import timezone

from wildrydes import postgres
from wildrydes.front_door import events, live, watching
from wildrydes.front_door.events import Happening
from wildrydes.front_door.live import Live
from wildrydes.front_door.watching import Changes
from wildrydes.models import Scatter, new_id

pytestmark = pytest.mark.django_db(transaction=True)

SECONDS = 20.0
PATH = r"/things/(?P<id>[^/]+)(?:/stream)?"


class Thing:
    """An application with one thing, which is looked at, or followed as a stream of events."""

    def __init__(self) -> None:
        self.id = str(new_id())
        self.happened: list[Happening] = []
        self.is_final = False
        self.wait = 20.0
        self.status = 200
        self.asked: list[dict[bytes, bytes]] = []
        self.asked_again: list[bool] = []
        self.meanwhile: Callable[[], None] = lambda: None

    def happen(self, number: int, *, final: bool = False) -> None:
        """Let something happen; the last thing that does ends the story."""
        name = "closed" if final else "quote"
        self.happened.append(Happening(number=number, event=name, data={"n": number}))
        self.is_final = final

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer as an ordinary view does."""
        self.asked.append(dict(scope["headers"]))
        self.asked_again.append(live.AGAIN in scope)
        assert await receive() == {"type": "http.request", "body": b"", "more_body": False}
        body, headers = self._answer(scope["path"])
        self.meanwhile()
        headers = {**headers, "Content-Length": str(len(body)), "X-Request-ID": "a-story"}
        raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": self.status, "headers": raw})
        await send({"type": "http.response.body", "body": body})

    def _answer(self, path: str) -> tuple[bytes, dict[str, str]]:
        if self.status != 200:
            return b"no", {}
        if not path.endswith("/stream"):
            body = json.dumps([item.number for item in self.happened]).encode()
            return body, {} if self.is_final else live.until_changed(self.wait)
        last = self.asked[-1].get(b"last-event-id", b"").decode()
        body = events.written(self.happened, seen=events.seen(last))
        return body, {} if self.is_final else live.goes_on()


class Caller:
    """Somebody who makes one request, and sees what comes of it as it comes."""

    def __init__(self, application: Live, path: str, *, last_event_id: str = "") -> None:
        headers = [(b"last-event-id", last_event_id.encode())] if last_event_id else []
        self.status = 0
        self.headers: dict[bytes, bytes] = {}
        self.received = b""
        self.is_complete = False
        self._moved = asyncio.Event()
        self._leaves = asyncio.Event()
        scope = {
            "type": "http",
            "method": "GET",
            "path": path,
            "headers": [*headers, (b"content-length", b"7")],
        }
        self.task = asyncio.create_task(application(scope, self._receive, self._send))

    async def _receive(self) -> Mapping[str, Any]:
        await self._leaves.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], dict(message["headers"])
        else:
            self.received += message["body"]
            self.is_complete = not message.get("more_body", False)
        self._moved.set()

    async def sees(self, what: bytes) -> None:
        """Wait until this has been received."""
        while what not in self.received:
            self._moved.clear()
            await self._moved.wait()

    async def leave(self) -> None:
        """Go away, and wait until that was noticed."""
        self._leaves.set()
        await self.task


Play = Callable[[Live, Thing], Coroutine[Any, Any, None]]


def play(story: Play, thing: Thing, **options: Any) -> None:
    """Play a story to its end, in an event loop of its own; nothing may be left running."""

    async def whole() -> None:
        async with asyncio.timeout(SECONDS):
            application = Live(thing, paths=[PATH], **options)
            await story(application, thing)
            assert application._changes._watchers == {}
            assert application._changes._looks == {}
        await _stop_listening(application._changes)
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(whole())
    gc.collect()  # a connection that was given up while it was being made holds on until then


async def _stop_listening(changes: Changes) -> None:
    if changes._listening is not None:
        changes._listening.cancel()
        await asyncio.gather(changes._listening, return_exceptions=True)


def tell(thing: Thing) -> None:
    """Announce that something has happened, as a transaction that commits does."""
    parameters = postgres.driver_parameters()
    with psycopg.connect(**parameters, autocommit=True) as other:
        other.execute("SELECT pg_notify('wildrydes_scatter', %s)", [thing.id])


def is_listening(thing: Thing) -> Callable[[], Awaitable[None]]:
    """Return what waits until the process listens: from here on nothing else wakes anyone."""

    async def wait() -> None:
        query = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%%wildrydes_scatter AS%%'"
        parameters = postgres.driver_parameters()
        async with await psycopg.AsyncConnection.connect(**parameters, autocommit=True) as other:
            while (
                await (await other.execute(query + " AND pid <> pg_backend_pid()")).fetchone()
            ) == (0,):
                await asyncio.sleep(0.01)

    return wait


@pytest.fixture
def thing() -> Thing:
    """Return a thing of which nothing is known yet."""
    return Thing()


def test_a_held_answer_comes_when_it_is_final(thing: Thing) -> None:
    async def story(application: Live, thing: Thing) -> None:
        caller = Caller(application, f"/things/{thing.id}")
        await is_listening(thing)()
        thing.happen(0)
        await asyncio.to_thread(tell, thing)
        thing.happen(1, final=True)
        await asyncio.to_thread(tell, thing)
        await caller.task

        assert (caller.status, caller.received, caller.is_complete) == (200, b"[0, 1]", True)
        assert thing.asked_again[0] is False
        assert set(thing.asked_again[1:]) == {True}
        assert b"x-live" not in caller.headers

    play(story, thing)


def test_a_final_answer_is_not_held(thing: Thing) -> None:
    async def story(application: Live, thing: Thing) -> None:
        caller = Caller(application, f"/things/{thing.id}")
        await caller.task
        assert (caller.received, len(thing.asked)) == (b"[0]", 1)

    thing.happen(0, final=True)
    play(story, thing)


def test_when_the_time_is_over_the_answer_is_what_there_is(thing: Thing) -> None:
    async def story(application: Live, thing: Thing) -> None:
        caller = Caller(application, f"/things/{thing.id}")
        await caller.task
        assert (caller.status, caller.received) == (200, b"[0]")

    thing.wait = 0.2
    thing.happen(0)
    play(story, thing)


def test_an_error_is_answered_as_it_is(thing: Thing) -> None:
    async def story(application: Live, thing: Thing) -> None:
        for path in (f"/things/{thing.id}", f"/things/{thing.id}/stream"):
            caller = Caller(application, path)
            await caller.task
            assert (caller.status, caller.received) == (404, b"no")
            assert caller.headers[b"content-length"] == b"2"

    thing.status = 404
    play(story, thing)


def test_a_stream_tells_each_thing_once_as_it_happens(thing: Thing) -> None:
    async def story(application: Live, thing: Thing) -> None:
        caller = Caller(application, f"/things/{thing.id}/stream")
        await caller.sees(b'{"n":2}')
        for number, final in ((0, False), (3, True)):
            thing.happen(number, final=final)
            await asyncio.to_thread(tell, thing)
            await caller.sees(f'{{"n":{number}}}'.encode())
        await caller.task

        expected = (
            b'retry: 1000\n\nid: 4\nevent: quote\ndata: {"n":2}\n\n'
            b'id: 5\nevent: quote\ndata: {"n":0}\n\nid: d\nevent: closed\ndata: {"n":3}\n\n'
        )
        assert (caller.received, caller.is_complete) == (expected, True)
        assert b"content-length" not in caller.headers
        assert b"x-live" not in caller.headers

    thing.happen(2)
    play(story, thing)


def test_a_stream_goes_on_where_its_reader_stopped(thing: Thing) -> None:
    async def story(application: Live, thing: Thing) -> None:
        caller = Caller(application, f"/things/{thing.id}/stream", last_event_id="4")
        await caller.sees(b'{"n":0}')
        thing.happen(3, final=True)
        await asyncio.to_thread(tell, thing)
        await caller.task

        assert b'{"n":2}' not in caller.received
        assert b"id: d\nevent: closed" in caller.received

    thing.happen(2)
    thing.happen(0)
    play(story, thing)


def test_an_outage_in_the_middle_of_a_stream_is_waited_out(
    thing: Thing, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(application: Live, thing: Thing) -> None:
        caller = Caller(application, f"/things/{thing.id}/stream")
        await caller.sees(b'{"n":0}')
        thing.status = 503
        before = len(thing.asked)
        await asyncio.to_thread(tell, thing)
        while len(thing.asked) == before:
            await asyncio.sleep(0.01)
        thing.status = 200
        thing.happen(1, final=True)
        await caller.task
        assert caller.received.endswith(b'event: closed\ndata: {"n":1}\n\n')

    monkeypatch.setattr(live, "TRY_AGAIN_SECONDS", 0.05)
    thing.happen(0)
    play(story, thing)


def test_a_stream_whose_reader_may_see_it_no_more_ends(thing: Thing) -> None:
    async def story(application: Live, thing: Thing) -> None:
        caller = Caller(application, f"/things/{thing.id}/stream")
        await caller.sees(b'{"n":0}')
        thing.status = 401
        await asyncio.to_thread(tell, thing)
        await caller.task
        assert caller.is_complete
        assert b"no" not in caller.received

    thing.happen(0)
    play(story, thing)


def test_a_quiet_stream_says_that_it_is_still_there(
    thing: Thing, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(application: Live, thing: Thing) -> None:
        caller = Caller(application, f"/things/{thing.id}/stream")
        await caller.sees(b": still here\n\n")
        await caller.leave()

    monkeypatch.setattr(live, "KEEP_ALIVE_SECONDS", 0.05)
    play(story, thing)


@pytest.mark.parametrize("path", ["", "/stream"])
def test_a_caller_who_goes_away_leaves_nothing_behind(thing: Thing, path: str) -> None:
    async def story(application: Live, thing: Thing) -> None:
        callers = [Caller(application, f"/things/{thing.id}{path}") for _ in range(20)]
        await is_listening(thing)()
        await asyncio.gather(*(caller.leave() for caller in callers))
        assert application._places == 20

    play(story, thing, most=20)


def test_more_than_may_wait_are_told_to_come_back(thing: Thing) -> None:
    async def story(application: Live, thing: Thing) -> None:
        first = Caller(application, f"/things/{thing.id}/stream")
        await first.sees(b"retry")
        second = Caller(application, f"/things/{thing.id}/stream")
        await second.task

        assert (second.status, second.headers[b"retry-after"]) == (503, b"1")
        assert second.headers[b"content-type"] == b"application/problem+json"
        await first.leave()

    play(story, thing, most=1)


def test_the_request_is_made_again_under_the_same_id_and_without_a_body(thing: Thing) -> None:
    async def story(application: Live, thing: Thing) -> None:
        caller = Caller(application, f"/things/{thing.id}")
        await is_listening(thing)()
        thing.happen(0, final=True)
        await asyncio.to_thread(tell, thing)
        await caller.task

        assert b"x-request-id" not in thing.asked[0]
        assert thing.asked[-1][b"x-request-id"] == b"a-story"
        assert all(b"content-length" not in headers for headers in thing.asked)

    play(story, thing)


def test_what_nobody_announced_is_found_all_the_same(thing: Thing) -> None:
    async def story(application: Live, thing: Thing) -> None:
        caller = Caller(application, f"/things/{thing.id}")
        while thing.id not in application._changes._looks:
            await asyncio.sleep(0.01)
        thing.happen(0, final=True)
        await asyncio.to_thread(_close_silently, thing)
        await caller.task
        assert caller.received == b"[0]"

    Scatter.objects.create(
        id=UUID(thing.id), gathering="things", deadline_at=timezone.now() + timedelta(hours=1)
    )
    play(story, thing)


def test_what_is_told_while_nobody_can_listen_is_found_afterwards(thing: Thing) -> None:
    """Given that Postgres ends the connection, and that all is over before there is a new one."""

    async def story(application: Live, thing: Thing) -> None:
        caller = Caller(application, f"/things/{thing.id}")
        await is_listening(thing)()
        thing.happen(0, final=True)
        await asyncio.to_thread(_end_listening_connections)
        await caller.task
        assert caller.received == b"[0]"

    play(story, thing)


def test_what_is_told_before_the_process_listens_is_not_missed(thing: Thing) -> None:
    """Given that all is over between the first look and the moment when there is a listener."""

    def end() -> None:
        if not thing.is_final:
            thing.happen(0, final=True)
            tell(thing)

    async def story(application: Live, thing: Thing) -> None:
        caller = Caller(application, f"/things/{thing.id}")
        await caller.task
        assert caller.received == b"[0]"

    thing.wait = 60.0
    thing.meanwhile = end
    play(story, thing)


def test_while_nobody_can_listen_everyone_looks_again_from_time_to_time(
    thing: Thing, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(application: Live, thing: Thing) -> None:
        caller = Caller(application, f"/things/{thing.id}/stream")
        await caller.sees(b"retry")
        thing.happen(0)
        await caller.sees(b'{"n":0}')
        thing.happen(1, final=True)
        await caller.task

    monkeypatch.setattr(watching, "POLL_SECONDS", 0.05)
    monkeypatch.setattr(postgres, "driver_parameters", lambda: {"host": "/nobody/listens/here"})
    play(story, thing)


def test_other_requests_pass_untouched(thing: Thing) -> None:
    async def story(application: Live, thing: Thing) -> None:
        caller = Caller(application, "/elsewhere")
        with pytest.raises(
            AssertionError
        ):  # what it is given is the caller's own, which never came
            await asyncio.gather(caller.task, caller.leave())
        assert thing.asked[0][b"content-length"] == b"7"

    play(story, thing)


def _close_silently(thing: Thing) -> None:
    with psycopg.connect(**postgres.driver_parameters(), autocommit=True) as other:
        other.execute("UPDATE wildrydes_scatter SET status = 'closed' WHERE id = %s", [thing.id])


def _end_listening_connections() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE query LIKE '%wildrydes_scatter AS%' AND pid <> pg_backend_pid()"
        )
    connection.close()
