"""Reception: a request reaches the application complete, or not at all."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pytest
from django.core.handlers.wsgi import WSGIHandler

from wildrydes.front_door import live, reception
from wildrydes.front_door.json import MAX_BYTES
from wildrydes.front_door.reception import Reception

Event = Mapping[str, Any]


class Echo(WSGIHandler):
    """A WSGI application that answers with what it was asked, and counts how often it was."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.may_answer = threading.Event()
        self.may_answer.set()

    def __call__(self, environ: Any, start_response: Callable[..., object]) -> Any:
        self.may_answer.wait(timeout=10)
        self.asked.append(environ)
        start_response("200 OK", [("Content-Type", "text/plain")])
        return iter([environ["wsgi.input"].read()])


def scope(*headers: tuple[str, str], path: str = "/") -> dict[str, Any]:
    return {
        "type": "http",
        "method": "POST",
        "path": path,
        "query_string": b"a=b",
        "scheme": "http",
        "http_version": "1.1",
        "client": ("192.0.2.1", 5000),
        "server": ("127.0.0.1", 8000),
        "headers": [(name.encode(), value.encode()) for name, value in headers],
    }


async def ask(
    desk: Reception,
    events: Iterable[Event],
    *headers: tuple[str, str],
    path: str = "/",
    marked: bool = False,
) -> list[dict[str, Any]]:
    """Return what is sent back; after the last event nothing ever comes."""
    waiting, sent = iter(events), list[dict[str, Any]]()

    async def receive() -> Event:
        for event in waiting:
            return event
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    mark = {live.AGAIN: True} if marked else {}
    await desk({**scope(*headers, path=path), **mark}, receive, send)
    return sent


def part(body: bytes, *, more: bool = False) -> Event:
    return {"type": "http.request", "body": body, "more_body": more}


def test_a_body_in_parts_arrives_whole() -> None:
    echo = Echo()
    sent = asyncio.run(ask(Reception(echo), [part(b"ab", more=True), part(b"cd")]))
    assert sent[0]["status"] == 200
    assert sent[1]["body"] == b"abcd"
    assert echo.asked[0]["CONTENT_LENGTH"] == "4"


def test_headers_path_and_address_arrive_as_wsgi_has_them() -> None:
    echo = Echo()
    headers = [("x-one", "1"), ("x-one", "2"), ("content-type", "a/b"), ("remote_user", "me")]
    asyncio.run(ask(Reception(echo), [part(b"")], *headers, path="/ü"))
    (environ,) = echo.asked
    assert environ["HTTP_X_ONE"] == "1,2"
    assert environ["CONTENT_TYPE"] == "a/b"
    assert environ["PATH_INFO"] == "/ü".encode().decode("latin-1")
    assert environ["REMOTE_ADDR"] == "192.0.2.1"
    assert "HTTP_REMOTE_USER" not in environ


def test_a_request_that_is_made_again_is_marked_and_no_header_can_mark_one() -> None:
    echo = Echo()
    asyncio.run(ask(Reception(echo), [part(b"")], (live.AGAIN, "1")))
    asyncio.run(ask(Reception(echo), [part(b"")], marked=True))
    assert [live.AGAIN in environ for environ in echo.asked] == [False, True]


@pytest.mark.parametrize(
    "events",
    [
        [part(b"ab", more=True), {"type": "http.disconnect"}],
        [part(b"ab")],
    ],
)
def test_a_request_that_was_cut_off_reaches_nobody(events: list[Event]) -> None:
    echo = Echo()
    assert asyncio.run(ask(Reception(echo), events, ("content-length", "10"))) == []
    assert echo.asked == []


def test_no_more_of_a_large_body_is_read_than_shows_that_it_is_too_large() -> None:
    echo = Echo()
    pieces = [part(b"x" * 100_000, more=True) for _ in range(50)]
    asyncio.run(ask(Reception(echo), pieces))
    assert echo.asked[0]["CONTENT_LENGTH"] == str(MAX_BYTES + 1)


def test_a_body_that_does_not_come_is_a_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reception, "BODY_SECONDS", 0.05)
    echo = Echo()
    sent = asyncio.run(ask(Reception(echo), [part(b"ab", more=True)]))
    assert sent[0]["status"] == 408
    assert json.loads(sent[1]["body"])["type"] == "/problems/timeout"
    assert echo.asked == []


def test_who_finds_no_place_to_wait_is_told_when_to_come_back() -> None:
    echo = Echo()
    echo.may_answer.clear()
    desk = Reception(echo, threads=1, waiting=1)

    async def three() -> list[list[dict[str, Any]]]:
        early = [asyncio.create_task(ask(desk, [part(b"")])) for _ in range(2)]
        await asyncio.sleep(0)
        late = await ask(desk, [part(b"")])
        echo.may_answer.set()
        return [*await asyncio.gather(*early), late]

    *served, refused = asyncio.run(three())
    assert [sent[0]["status"] for sent in served] == [200, 200]
    assert refused[0]["status"] == 503
    assert (b"retry-after", b"1") in refused[0]["headers"]


def test_what_is_not_admitted_is_told_when_to_come_again_and_reaches_nobody() -> None:
    echo = Echo()
    desk = Reception(echo, admits=lambda method, path: (method, path) != ("POST", "/new"))
    refused = asyncio.run(ask(desk, [part(b"ab")], path="/new"))
    assert refused[0]["status"] == 503
    assert (b"retry-after", b"1") in refused[0]["headers"]
    assert json.loads(refused[1]["body"])["type"] == "/problems/unavailable"
    assert echo.asked == []
    assert asyncio.run(ask(desk, [part(b"ab")], path="/old"))[0]["status"] == 200


def test_an_error_of_the_application_is_raised_where_its_answer_is_awaited() -> None:
    class Broken(Echo):
        def __call__(self, environ: Any, start_response: Callable[..., object]) -> Any:
            raise LookupError("nothing here")

    with pytest.raises(LookupError, match="nothing here"):
        asyncio.run(ask(Reception(Broken()), [part(b"")]))
