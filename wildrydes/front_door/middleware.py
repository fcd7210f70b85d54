"""The outer ring of the front door: no error without a problem, no request without an id.

Source: RFC 9457; W3C Trace Context; Hohpe and Woolf, Correlation Identifier.
"""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable, Iterator

import structlog
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from wildrydes import context, redaction
from wildrydes.front_door import problems

log = structlog.get_logger(__name__)

GetResponse = Callable[[HttpRequest], HttpResponseBase]

LONGEST_ID = 100
NUL = "This must not contain NUL."
KEPT_HEADERS = ("Allow", "Retry-After", "WWW-Authenticate")
TRACE_PARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


class ProblemMiddleware:
    """Make sure that an error outside the admin is a problem, whoever answered it.

    A NUL in the path or query is refused here: Postgres cannot store one, so that it would
    otherwise be an exception wherever a view looks something up.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer the request."""
        if _has_nul(request):
            return _refuse_nul(request)
        answer = self.get_response(request)
        if answer.status_code < 400 or request.path_info.startswith(problems.HTML_PREFIX):
            return answer
        return answer if _is_json(answer) else _as_problem(answer)


class TracingMiddleware:
    """Give the request its correlation id, which every message that it causes will bear.

    A caller's own `X-Request-ID` or `X-Correlation-ID` is taken over when it is short, printable
    and no card's number; the answer says which id it was. One line of the log tells of each
    request.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer the request inside its context."""
        here = context.Context(
            correlation_id=_correlation_id(request), trace_parent=_trace(request)
        )
        logged = structlog.contextvars.bound_contextvars(correlation_id=here.correlation_id)
        with context.working_for(here), logged:
            started = time.perf_counter()
            answer = self.get_response(request)
            took = round((time.perf_counter() - started) * 1000, 1)
            log.info(
                "request_answered",
                method=request.method,
                path=request.path_info,
                status=answer.status_code,
                milliseconds=took,
            )
        answer["X-Request-ID"] = here.correlation_id
        return answer


def _has_nul(request: HttpRequest) -> bool:
    return "\0" in request.path_info or "%00" in request.META.get("QUERY_STRING", "")


def _refuse_nul(request: HttpRequest) -> HttpResponse:
    named = [name for name, value in _parameters(request) if "\0" in f"{name}{value}"]
    if not named or request.path_info.startswith(problems.HTML_PREFIX):
        return problems.bad_request(request, ValueError("NUL in the path or query"))
    return problems.response(problems.invalid({name: [NUL] for name in named}))


def _parameters(request: HttpRequest) -> Iterator[tuple[str, str]]:
    for name, values in request.GET.lists():
        yield from ((name, value) for value in values)


def _is_json(answer: HttpResponseBase) -> bool:
    kind = answer.get("Content-Type", "")
    return kind.startswith(("application/json", problems.CONTENT_TYPE))


def _as_problem(answer: HttpResponseBase) -> HttpResponse:
    headers = {name: answer[name] for name in KEPT_HEADERS if answer.has_header(name)}
    return problems.response(problems.of_status(answer.status_code, headers=headers))


def _correlation_id(request: HttpRequest) -> str:
    for name in ("HTTP_X_REQUEST_ID", "HTTP_X_CORRELATION_ID"):
        given = str(request.META.get(name, "")).strip()
        if 0 < len(given) <= LONGEST_ID and _may_be_kept(given):
            return given
    return str(uuid.uuid4())


def _may_be_kept(given: str) -> bool:
    return given.isascii() and given.isprintable() and not redaction.is_issued_in(given)


def _trace(request: HttpRequest) -> str:
    given = str(request.META.get("HTTP_TRACEPARENT", ""))
    return given if TRACE_PARENT.fullmatch(given) else ""
