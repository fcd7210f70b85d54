"""Use case 3, live: whoever waits for quotes is told as they come, and a thousand may wait."""

from __future__ import annotations

import asyncio
import re
import signal
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from .stage import STOP_SECONDS, Servers, Stage, wait_until

URL = "/api/v1/instant-ride-rfqs"
WANTED = {"from": "Frankfurt", "to": "Las Vegas", "customer": "cmr", "deadline_seconds": 60}
MANY = 1_000
AT_ONCE = 50

Accounts = dict[str, httpx.Client]


@pytest.fixture(scope="module")
def stage(servers: Servers) -> Stage:
    return servers.stage(settings="tests.acceptance.silent_fleets")


@pytest.fixture(scope="module")
def callers(stage: Stage) -> Iterator[Accounts]:
    """Return a client for the customer and for a unicorn of each of the two fleets."""
    accounts = stage.prepare()
    stage.start_web()
    clients = {
        "cmr": stage.client(accounts["customers"][0]),
        "cape-town": stage.client(accounts["unicorns"][0]),
        "winelands": stage.client(accounts["unicorns"][1]),
    }
    yield clients
    for client in clients.values():
        client.close()


@pytest.fixture
def rfq(callers: Accounts) -> str:
    answer = callers["cmr"].post(URL, json=WANTED)
    assert answer.json()["status"] == "open", answer.content
    return str(answer.headers["Location"])


@pytest.fixture
def beside() -> Iterator[ThreadPoolExecutor]:
    """Return what waits in the background."""
    with ThreadPoolExecutor(4) as pool:
        yield pool


def quote(callers: Accounts, rfq: str, fleet: str, amount: str) -> None:
    assert callers[fleet].post(f"{rfq}/quotes", json={"quote": amount}).status_code == 201


def move_deadline(stage: Stage, rfq: str, moment: str) -> None:
    """Let the deadline of a request be at that moment."""
    row = f"wildrydes_scatter SET deadline_at = {moment} WHERE id = '{rfq.rpartition('/')[2]}'"
    assert len(stage.query(f"UPDATE {row} RETURNING id")) == 1


def events(text: str) -> list[tuple[str, str]]:
    """Return the id and the name of each event."""
    return re.findall(r"^id: (\w+)\nevent: (\w+)$", text, re.MULTILINE)


def is_listening(stage: Stage) -> bool:
    others = "query LIKE '%wildrydes_scatter AS%' AND pid <> pg_backend_pid()"
    return bool(stage.query(f"SELECT 1 FROM pg_stat_activity WHERE {others}"))


@pytest.mark.parametrize("path", [URL, "/query-instant-ride-rfq"])
def test_a_held_answer_comes_with_the_close(
    callers: Accounts, stage: Stage, rfq: str, path: str, beside: ThreadPoolExecutor
) -> None:
    where = f"{path}/{rfq.rpartition('/')[2]}?wait=30"
    held: Future[httpx.Response] = beside.submit(callers["cmr"].get, where, timeout=40)
    wait_until(lambda: is_listening(stage), what="the web process listens")

    quote(callers, rfq, "cape-town", "20.00")
    assert not held.done()
    quote(callers, rfq, "winelands", "10.00")

    content: dict[str, Any] = held.result(timeout=30).json()
    assert content["status"] == "closed"
    assert [item["quote"] for item in content["quotes"]] == ["10.00", "20.00"]


def test_when_the_wait_is_over_the_answer_is_what_there_is(callers: Accounts, rfq: str) -> None:
    quote(callers, rfq, "cape-town", "20.00")

    content = callers["cmr"].get(f"{rfq}?wait=0.5").json()

    assert (content["status"], len(content["quotes"])) == ("open", 1)


def test_who_does_not_answer_in_time_is_not_waited_for(
    callers: Accounts, stage: Stage, rfq: str
) -> None:
    """Given one fleet that answers, and one that does so when all is over."""
    stage.start_relay()
    quote(callers, rfq, "cape-town", "20.00")
    move_deadline(stage, rfq, "now()")

    closed = callers["cmr"].get(f"{rfq}?wait=30", timeout=40).json()
    late = callers["winelands"].post(f"{rfq}/quotes", json={"quote": "10.00"})

    assert (closed["status"], len(closed["quotes"])) == ("closed", 1)
    assert late.status_code == 409
    shown = callers["cmr"].get(rfq).json()["quotes"]
    assert [(item["responder"], item["late"]) for item in shown] == [
        ("winelands", True),
        ("cape-town", False),
    ]
    assert callers["cmr"].post(f"{rfq}/accept", json={"responder": "cape-town"}).status_code == 201


def test_a_stream_is_told_each_quote_and_the_close_and_goes_on_where_it_stopped(
    callers: Accounts, rfq: str
) -> None:
    with callers["cmr"].stream("GET", f"{rfq}/stream") as stream:
        assert stream.headers["Content-Type"] == "text/event-stream"
        seen = ""
        parts = stream.iter_text()
        quote(callers, rfq, "winelands", "10.00")
        while not events(seen):
            seen += next(parts)
    assert events(seen) == [("2", "quote")]

    resume = {"Last-Event-ID": "2"}
    with callers["cmr"].stream("GET", f"{rfq}/stream", headers=resume) as stream:
        quote(callers, rfq, "cape-town", "20.00")
        rest = "".join(stream.iter_text())
    assert events(rest) == [("3", "quote"), ("7", "closed")]


def test_what_is_refused_is_refused_at_once(callers: Accounts, stage: Stage, rfq: str) -> None:
    assert callers["cmr"].get(f"{rfq}?wait=-1").status_code == 400
    assert httpx.get(f"{stage.url}{rfq}/stream").status_code == 401
    assert callers["cmr"].get(f"{rfq[:-4]}0000/stream").status_code == 404


def test_a_thousand_may_wait_beside_everybody_else(
    callers: Accounts, stage: Stage, rfq: str
) -> None:
    token = callers["cmr"].headers["Authorization"]

    move_deadline(stage, rfq, "now() + interval '1 hour'")

    async def whole() -> None:
        at_once = asyncio.Semaphore(AT_ONCE)
        streams = [Stream(stage.port, rfq, token) for _ in range(MANY)]
        await asyncio.gather(*(stream.open(at_once) for stream in streams))
        for _ in range(20):
            answer = await asyncio.to_thread(callers["cmr"].post, URL, json=WANTED)
            assert answer.status_code == 201
        for fleet in ("cape-town", "winelands"):
            await asyncio.to_thread(quote, callers, rfq, fleet, "10.00")
        for told in await asyncio.gather(*(stream.read() for stream in streams)):
            assert [name for _, name in events(told)] == ["quote", "quote", "closed"]

    asyncio.run(asyncio.wait_for(whole(), timeout=110))


def test_a_web_process_that_is_told_to_stop_is_not_held_up(
    callers: Accounts, stage: Stage, rfq: str
) -> None:
    with callers["cmr"].stream("GET", f"{rfq}/stream") as stream:
        next(stream.iter_text())
        web = stage.processes["web"]
        web.send_signal(signal.SIGTERM)
        assert web.wait(timeout=STOP_SECONDS) == 0


class Stream:
    """One open connection that follows a request for quotes."""

    def __init__(self, port: int, rfq: str, token: str) -> None:
        self._port = port
        self._request = (
            f"GET {rfq}/stream HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            f"Authorization: {token}\r\nConnection: close\r\n\r\n"
        ).encode()

    async def open(self, at_once: asyncio.Semaphore) -> None:
        """Connect, and wait until the stream has begun."""
        async with at_once:
            self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
            self._writer.write(self._request)
            head = await self._reader.readuntil(b"\r\n\r\n")
            assert b" 200 " in head.splitlines()[0], head

    async def read(self) -> str:
        """Return all that is told, once it has ended."""
        told = await self._reader.read()
        self._writer.close()
        await self._writer.wait_closed()
        return told.decode()
