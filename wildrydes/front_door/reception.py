"""Reception: a request is taken in whole before anyone is troubled with it.

An ASGI application that reads the body on the event loop, within a size and a time, and only then
hands the request to a thread that runs the WSGI application. So a client that sends slowly, or
half, holds a few kilobytes and no thread, and those who wait for an answer hold no thread either.

Guarantee: a request reaches the application complete or not at all; at most `waiting` requests
wait for a thread, and one more is answered 503 with Retry-After, as is what is not admitted.
Does not guarantee: a time in which the application answers.
Source: Nygard, Release It! (Timeouts, Bulkheads, Shed Load).
"""

from __future__ import annotations

import asyncio
import io
import sys
from collections.abc import Awaitable, Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.core.handlers.wsgi import WSGIHandler

from wildrydes.front_door import live
from wildrydes.front_door.json import MAX_BYTES
from wildrydes.front_door.refusals import Send, refuse

BODY_SECONDS = 15.0

Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Headers = list[tuple[bytes, bytes]]


class ClientGoneError(Exception):
    """The client went away before its request was complete."""


@dataclass(frozen=True)
class Answer:
    """What the application answered."""

    status: int
    headers: Headers
    body: bytes


class Reception:
    """Takes requests in for a WSGI application with `threads` threads of its own."""

    def __init__(
        self,
        application: WSGIHandler,
        *,
        threads: int = 8,
        waiting: int = 256,
        admits: Callable[[str, str], bool] = lambda method, path: True,
    ) -> None:
        self._application = application
        self._admits = admits
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="request")
        self._places = threads + waiting

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        try:
            async with asyncio.timeout(BODY_SECONDS):
                body = await _read(scope, receive)
        except ClientGoneError:
            return
        except TimeoutError:
            await refuse(send, 408, close=True)
            return
        if self._places > 0 and self._admits(scope["method"], scope["path"]):
            await _send(send, await self._answer(_environ(scope, body)))
        else:
            await refuse(send, 503)

    async def _answer(self, environ: dict[str, Any]) -> Answer:
        self._places -= 1
        loop = asyncio.get_running_loop()
        answered: asyncio.Future[Answer] = loop.create_future()
        try:
            self._threads.submit(self._run_for, answered, loop, environ)
            return await answered
        finally:
            self._places += 1

    def _run_for(
        self,
        answered: asyncio.Future[Answer],
        loop: asyncio.AbstractEventLoop,
        environ: dict[str, Any],
    ) -> None:
        """Run the application; what comes of it is told to the loop in one step."""
        try:
            tell = partial(_settle, answered, self._run(environ))
        except BaseException as error:  # noqa: BLE001 - it is raised where the answer is awaited
            tell = partial(_fail, answered, error)
        loop.call_soon_threadsafe(tell)

    def _run(self, environ: dict[str, Any]) -> Answer:
        started: list[tuple[str, list[tuple[str, str]]]] = []
        written: list[bytes] = []

        def start_response(
            status: str, headers: list[tuple[str, str]], exc_info: object = None, /
        ) -> Callable[[bytes], object]:
            started.append((status, headers))
            return written.append

        chunks: Iterable[bytes] = self._application(environ, start_response)
        try:
            body = b"".join([*written, *chunks])
        finally:
            getattr(chunks, "close", lambda: None)()
        status, headers = started[-1]
        encoded = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers]
        return Answer(int(status[:3]), encoded, body)


def _settle(answered: asyncio.Future[Answer], answer: Answer) -> None:
    if not answered.cancelled():
        answered.set_result(answer)


def _fail(answered: asyncio.Future[Answer], error: BaseException) -> None:
    if not answered.cancelled():
        answered.set_exception(error)


async def _read(scope: Scope, receive: Receive) -> bytes:
    """Return the body, or one byte more than is allowed of one that is too large."""
    if _declared(scope) > MAX_BYTES:
        return b""
    parts: list[bytes] = []
    size = 0
    more = True
    while more and size <= MAX_BYTES:
        event = await receive()
        if event["type"] == "http.disconnect":
            raise ClientGoneError
        parts.append(event.get("body", b""))
        size += len(parts[-1])
        more = event.get("more_body", False)
    if size < _declared(scope):
        raise ClientGoneError
    return b"".join(parts)[: MAX_BYTES + 1]


def _declared(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value)
    return 0


def _environ(scope: Scope, body: bytes) -> dict[str, Any]:
    """Return the request as WSGI has it. Header names with an underscore could pose as others."""
    host, port = scope.get("server") or ("127.0.0.1", 80)
    environ: dict[str, Any] = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": scope["path"].encode("utf-8", "surrogateescape").decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_NAME": host,
        "SERVER_PORT": str(port),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "REMOTE_ADDR": (scope.get("client") or ("", 0))[0],
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope["scheme"],
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    if live.AGAIN in scope:
        environ[live.AGAIN] = True
    for name, value in scope["headers"]:
        _add_header(environ, name.decode("latin-1"), value.decode("latin-1"))
    if "CONTENT_LENGTH" not in environ and body:
        environ["CONTENT_LENGTH"] = str(len(body))
    return environ


def _add_header(environ: dict[str, Any], name: str, value: str) -> None:
    if "_" in name or name == "transfer-encoding":
        return
    key = name.upper().replace("-", "_")
    if key not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        key = f"HTTP_{key}"
    joint = "; " if key == "HTTP_COOKIE" else ","
    environ[key] = f"{environ[key]}{joint}{value}" if key in environ else value


async def _send(send: Send, answer: Answer) -> None:
    start = {"type": "http.response.start", "status": answer.status, "headers": answer.headers}
    await send(start)
    await send({"type": "http.response.body", "body": answer.body})
