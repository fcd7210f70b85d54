"""Problem Details: every error of the API is one kind of document, for people and for code.

Guarantee: outside the admin every error answer is `application/problem+json` with a stable
`type`, a `title` and a `status`; bad fields are named in `errors`.
Does not guarantee: that `detail` keeps its wording; programs read `type` and `errors`.
Source: RFC 9457, Problem Details for HTTP APIs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import orjson
import structlog
from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.views import defaults
from rest_framework import exceptions
from rest_framework.settings import api_settings

from wildrydes import redaction

BASE = "/problems/"
HTML_PREFIX = "/admin/"
CONTENT_TYPE = "application/problem+json"
LONGEST_TEXT = 200
MOST_ERRORS = 100  # a body of many wrong fields must not cost an answer many times its size

log = structlog.get_logger(__name__)


@dataclass
class Problem(Exception):  # noqa: N818 - the RFC's own word
    """An error answer. `type` is a slug such as `ride-already-completed`; it never changes.

    `extra` are the RFC's extension members: further facts for programs.
    """

    status: int
    type: str
    title: str
    detail: str = ""
    errors: Sequence[Mapping[str, str]] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.status} {self.type}: {self.detail or self.title}"


class PayloadTooLarge(exceptions.APIException):
    """The body is larger than the front door reads."""

    status_code = 413
    default_detail = "The body may be at most 256 KiB."
    default_code = "too-large"


KINDS: Mapping[int, tuple[str, str]] = {
    400: ("bad-request", "The request cannot be understood"),
    401: ("not-authenticated", "Who is calling is not known"),
    403: ("permission-denied", "The caller may not do this"),
    404: ("not-found", "There is no such thing"),
    405: ("method-not-allowed", "The method is not allowed here"),
    406: ("not-acceptable", "No such format is offered"),
    408: ("timeout", "The request did not arrive in time"),
    409: ("conflict", "The request does not fit what is there"),
    410: ("gone", "This is no longer there"),
    413: ("too-large", "The body is too large"),
    415: ("unsupported-media-type", "The body is not JSON"),
    422: ("idempotency-key-reused", "The key belongs to another request"),
    429: ("throttled", "Too many requests"),
    500: ("server-error", "Something went wrong on our side"),
    503: ("unavailable", "The service is not available right now"),
}
MALFORMED = ("malformed", "The body is not a JSON object")
VALIDATION = ("validation", "Some fields are not as they must be")


def of_status(
    status: int, *, detail: str = "", headers: Mapping[str, str] | None = None
) -> Problem:
    """Return the general problem of an HTTP status."""
    fallback = KINDS[400] if status < 500 else KINDS[500]
    type_, title = KINDS.get(status, fallback)
    return Problem(status, type_, title, detail, headers=headers or {})


def response(problem: Problem) -> HttpResponse:
    """Return the problem as the answer of any Django view."""
    document: dict[str, Any] = {
        "type": BASE + problem.type,
        "title": problem.title,
        "status": problem.status,
        **({"detail": problem.detail} if problem.detail else {}),
        **({"errors": list(problem.errors)} if problem.errors else {}),
        **problem.extra,
    }
    text = redaction.masked(orjson.dumps(document, default=str).decode())
    answer = HttpResponse(text, status=problem.status, content_type=CONTENT_TYPE)
    for name, value in problem.headers.items():
        answer[name] = value
    if problem.status == 401:
        answer.setdefault("WWW-Authenticate", "Token")
    return answer


def exception_handler(error: Exception, context: Mapping[str, Any]) -> HttpResponse | None:
    """Answer an exception of a REST framework view; None leaves it to `server_error`."""
    problem = _problem_of(error)
    return response(problem) if problem else None


def _problem_of(error: Exception) -> Problem | None:
    match error:
        case Problem():
            return error
        case Http404():
            return of_status(404)
        case PermissionDenied():
            return of_status(403)
        case RequestDataTooBig():
            return of_status(413)
        case SuspiciousOperation():
            return of_status(400)
        case OperationalError() | InterfaceError():
            log.error("the database did not answer", exc_info=error)
            return of_status(503, headers={"Retry-After": "2"})
        case exceptions.APIException():
            return _of_api_exception(error)
    return None


def _of_api_exception(error: exceptions.APIException) -> Problem:
    match error:
        case exceptions.ValidationError():
            return invalid(error.detail)
        case exceptions.ParseError():
            type_, title = MALFORMED
            return Problem(400, type_, title, _printable(str(error.detail)))
        case exceptions.Throttled():
            wait = str(max(1, error.wait or 1))  # type: ignore[attr-defined]
            return of_status(429, headers={"Retry-After": wait})
        case exceptions.NotFound():
            return of_status(404)
    return of_status(error.status_code, detail=_printable(str(error.detail)))


def invalid(detail: Any) -> Problem:
    """Return the problem of fields that are not as they must be, by name as serializers have it."""
    type_, title = VALIDATION
    return Problem(400, type_, title, errors=[*islice(flatten(detail), MOST_ERRORS)])


def flatten(detail: Any, path: str = "") -> Iterator[dict[str, str]]:
    """Yield one `{"field", "message"}` for each message in a serializer's nested errors.

    Fields are written as in the body: `pickup.street`, `items[3].fare`.
    """
    if isinstance(detail, Mapping):
        for name, inner in detail.items():
            yield from flatten(inner, _joined(path, name))
    elif isinstance(detail, list | tuple):
        for index, inner in enumerate(detail):
            leaf = isinstance(inner, str)
            yield from flatten(inner, path if leaf else f"{path}[{index}]")
    else:
        yield {"field": path, "message": str(detail)}


def _joined(path: str, name: object) -> str:
    if name == api_settings.NON_FIELD_ERRORS_KEY:
        return path
    if isinstance(name, int):
        return f"{path}[{name}]"
    return f"{path}.{_printable(str(name))}" if path else _printable(str(name))


def _printable(text: str) -> str:
    """Return text that can be written as UTF-8, whatever the caller put into it."""
    return text[:LONGEST_TEXT].encode("utf-8", "replace").decode("utf-8")


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer what Django itself refuses, such as an unknown host (`handler400`)."""
    if request.path_info.startswith(HTML_PREFIX):
        return defaults.bad_request(request, exception)
    return response(of_status(413 if isinstance(exception, RequestDataTooBig) else 400))


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer a refusal outside the REST framework (`handler403`)."""
    if request.path_info.startswith(HTML_PREFIX):
        return defaults.permission_denied(request, exception)
    return response(of_status(403))


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer a path that leads nowhere (`handler404`)."""
    if request.path_info.startswith(HTML_PREFIX):
        return defaults.page_not_found(request, exception)
    return response(of_status(404))


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer an exception that nothing foresaw (`handler500`); Django has logged it."""
    if request.path_info.startswith(HTML_PREFIX):
        return defaults.server_error(request)
    return response(of_status(500))
