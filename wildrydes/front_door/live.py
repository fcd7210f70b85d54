"""Live answers: a request that waits for something to happen holds no thread while it waits.

An ASGI application in front of `Reception`. A GET of a live path is first answered as any other:
who may see what, and what is refused, is decided there. An answer that says so in its headers is
then not final: it is held, or sent as the beginning of a stream, and the same request is made
again whenever something is told of the thing that its path names. So whatever is answered was
answered by the ordinary view, for this caller, at that moment.

Guarantee: what changed after the first answer was made is not missed, and an event stream goes
on exactly where its last event was.
Does not guarantee: an answer for every change; those that come close together are told at once.
Source: WHATWG HTML, Server-sent events; Loreto et al., RFC 6202, Long Polling.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from wildrydes.front_door.events import RESUME_HEADER
from wildrydes.front_door.refusals import Send, refuse
from wildrydes.front_door.watching import Changes

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

HEADER = "X-Live"
AGAIN = "wildrydes.again"  # in the environment of a request that is made again
STREAM = "stream"
REQUEST_ID = "X-Request-ID"
KEEP_ALIVE_SECONDS = 15.0
TRY_AGAIN_SECONDS = 1.0
RECONNECT = b"retry: 1000\n\n"
STILL_HERE = b": still here\n\n"
LAST_ID = re.compile(rb"^id: ([0-9a-f]+)$", re.MULTILINE)
NOT_PASSED_ON = (HEADER.lower().encode(), b"content-length")


def until_changed(seconds: float) -> dict[str, str]:
    """Return the headers of an answer that may be held for so long, for a better one to come."""
    return {HEADER: f"{seconds:.3f}"} if seconds > 0 else {}


def goes_on() -> dict[str, str]:
    """Return the headers of an event stream that has not come to its end."""
    return {HEADER: STREAM}


@dataclass
class Answer:
    """What the ordinary view answered."""

    status: int = 500
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytes = b""

    def header(self, name: str) -> str:
        """Return a header's value; "" where it is not there."""
        wanted = name.lower().encode()
        return next((value.decode("latin-1") for key, value in self.headers if key == wanted), "")

    @property
    def live(self) -> str:
        """Return what the view says of how it may go on; "" when the answer is final."""
        return self.header(HEADER) if self.status == 200 else ""


class Visit:
    """One live request: the wish that is made again and again, and whether its caller is there."""

    def __init__(self, application: Application, scope: Scope, send: Send) -> None:
        self._application = application
        self._scope = scope
        self.send = send
        self.news = asyncio.Event()
        self.gone = False

    async def ask(self, *, last_event_id: str = "") -> Answer:
        """Make the request; return what the ordinary view answers now."""
        answer = Answer()
        pending = [{"type": "http.request", "body": b"", "more_body": False}]

        async def receive() -> Mapping[str, Any]:
            return pending.pop() if pending else await asyncio.Future()

        async def take(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                answer.status, answer.headers = message["status"], list(message["headers"])
            else:
                answer.body += message.get("body", b"")

        await self._application(self._asking(last_event_id), receive, take)
        self._scope = {**self._scope, AGAIN: True}
        if request_id := answer.header(REQUEST_ID):
            self._keep(REQUEST_ID, request_id)
        return answer

    async def watch_caller(self, receive: Receive) -> None:
        """Note when the caller goes away."""
        while (await receive())["type"] != "http.disconnect":
            pass
        self.gone = True
        self.news.set()

    async def told(self, *, seconds: float) -> bool:
        """Wait for news, so long at most; say whether there are any."""
        try:
            async with asyncio.timeout(seconds):
                await self.news.wait()
        except TimeoutError:
            return False
        self.news.clear()
        return True

    def _asking(self, last_event_id: str) -> Scope:
        if last_event_id:
            self._keep(RESUME_HEADER, last_event_id)
        return self._scope

    def _keep(self, name: str, value: str) -> None:
        """Make the further requests with this header, as the first."""
        key = name.lower().encode()
        others = [(other, kept) for other, kept in self._scope["headers"] if other != key]
        self._scope = {**self._scope, "headers": [*others, (key, value.encode("latin-1"))]}


class Live:
    """Serves live paths in front of an application; each pattern names the thing as `id`.

    `at_once` of the requests that are made again run at a time, so that many who wait leave
    threads to those who do not; `most` may wait, and one more is answered 503 with Retry-After.
    """

    def __init__(
        self,
        application: Application,
        *,
        paths: Sequence[str],
        at_once: int = 4,
        most: int = 4_000,
    ) -> None:
        self._application = application
        self._paths = [re.compile(path) for path in paths]
        self._changes = Changes()
        self._turns = asyncio.Semaphore(at_once)
        self._places = most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        watched = self._watched(scope)
        if not watched:
            await self._application(scope, receive, send)
        elif self._places <= 0:
            await refuse(send, 503)
        else:
            self._places -= 1
            try:
                await self._serve(
                    Visit(self._application, _bodiless(scope), send), watched, receive
                )
            finally:
                self._places += 1

    async def _serve(self, visit: Visit, watched: str, receive: Receive) -> None:
        with self._changes.of(watched, tell=visit.news):
            answer = await visit.ask()
            if not answer.live:
                await _send(visit.send, answer)
                return
            caller = asyncio.create_task(visit.watch_caller(receive))
            try:
                if answer.live == STREAM:
                    await self._stream(visit, answer)
                else:
                    await self._hold(visit, answer)
            finally:
                caller.cancel()

    async def _hold(self, visit: Visit, answer: Answer) -> None:
        """Answer when the view says that this is final, or when the time is over."""
        clock = asyncio.get_running_loop().time
        until = clock() + float(answer.live)
        while answer.live and not visit.gone and (left := until - clock()) > 0:
            if await visit.told(seconds=left) and not visit.gone:
                latest = await self._again(visit)
                answer = latest if latest.status < 500 else answer
        if not visit.gone:
            await _send(visit.send, answer)

    async def _stream(self, visit: Visit, answer: Answer) -> None:
        """Send what the view has to say, again and again, until it says that this is the end."""
        headers = [item for item in answer.headers if item[0] not in NOT_PASSED_ON]
        await visit.send({"type": "http.response.start", "status": 200, "headers": headers})
        await _send_part(visit.send, RECONNECT + answer.body)
        last_event_id = _last_id(answer)
        while answer.live and not visit.gone:
            if not await visit.told(seconds=KEEP_ALIVE_SECONDS):
                await _send_part(visit.send, STILL_HERE)
            elif not visit.gone:
                latest = await self._again(visit, last_event_id=last_event_id)
                if latest.status >= 500:
                    continue
                answer = latest
                if answer.status == 200 and answer.body:
                    await _send_part(visit.send, answer.body)
                    last_event_id = _last_id(answer)
        if not visit.gone:
            await visit.send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _again(self, visit: Visit, *, last_event_id: str = "") -> Answer:
        """Make the request again in its turn; what could not be answered is news a second later."""
        async with self._turns:
            visit.news.clear()
            answer = await visit.ask(last_event_id=last_event_id)
        if answer.status >= 500:
            asyncio.get_running_loop().call_later(TRY_AGAIN_SECONDS, visit.news.set)
        return answer

    def _watched(self, scope: Scope) -> str:
        if scope["type"] != "http" or scope["method"] != "GET":
            return ""
        found = (path.fullmatch(scope["path"]) for path in self._paths)
        return next((match["id"] for match in found if match), "")


def _bodiless(scope: Scope) -> Scope:
    """Return the request without a body: a GET has none, whatever its headers claim."""
    claims = (b"content-length", b"transfer-encoding")
    headers = [(name, value) for name, value in scope["headers"] if name not in claims]
    return {**scope, "headers": headers}


def _last_id(answer: Answer) -> str:
    ids = LAST_ID.findall(answer.body)
    return ids[-1].decode() if ids else ""


async def _send(send: Send, answer: Answer) -> None:
    headers = [item for item in answer.headers if item[0] != HEADER.lower().encode()]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body, "more_body": False})


async def _send_part(send: Send, part: bytes) -> None:
    await send({"type": "http.response.body", "body": part, "more_body": True})
