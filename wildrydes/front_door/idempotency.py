"""Idempotency-Key: a request whose answer was lost may be sent again, and is not carried out twice.

Guarantee: of the requests of one caller to one operation with one key, one is carried out within
the window; the others get its status, `Location` and body, marked `Idempotency-Replayed`. What is
kept are 2xx, and 409 and 410, which say how things stood.
Does not guarantee: the same answer to what was refused otherwise, or failed. That has had no effect
here, its key is free, and it is judged anew; so a body that is put right may have the same key.
Source: IETF, The Idempotency-Key HTTP Header Field; Helland, Idempotence Is Not a Medical
Condition.
"""

from __future__ import annotations

import hashlib
import json as stdlib_json
from collections.abc import Callable
from decimal import Decimal
from functools import wraps
from typing import Any

from django.db import transaction
from django.http import HttpResponse
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from wildrydes import first_answers
from wildrydes.first_answers import Answer
from wildrydes.front_door import json, problems
from wildrydes.front_door.json import LONGEST_EXACT_INTEGER
from wildrydes.front_door.problems import Problem

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
MARK = "takes_idempotency_key"
LONGEST_KEY = 200
KEPT_REFUSALS = (409, 410)
MALFORMED = f"A key has 1 to {LONGEST_KEY} printable ASCII characters."
ANOTHER = "This key was sent with another request; choose a new one for each."

Post = Callable[..., HttpResponse]

_META = "HTTP_IDEMPOTENCY_KEY"


def once_per_key(post: Post) -> Post:
    """Return a view's method that carries out once what bears one and the same key.

    A request without the header costs a look at its headers, and not a statement.
    """
    operation = f"{post.__module__}.{post.__qualname__}"

    @wraps(post)
    def answered(view: Any, request: Request, **kwargs: Any) -> HttpResponse:
        if _META not in request.META:
            return post(view, request, **kwargs)
        digest = _digest(str(request.user.pk), operation, _key(request))
        asked = _digest(stdlib_json.dumps([kwargs, request.data], sort_keys=True, default=_plain))
        try:
            return _first_answer(digest, asked, lambda: post(view, request, **kwargs))
        except first_answers.UnderWayError:
            raise _under_way() from None
        except first_answers.OtherRequestError:
            raise _another_request() from None

    setattr(answered, MARK, True)
    return answered


def _key(request: Request) -> str:
    key: str = request.META[_META]
    if not (0 < len(key) <= LONGEST_KEY and key.isascii() and key.isprintable()):
        raise ValidationError({HEADER: [MALFORMED]})
    return key


def _plain(value: object) -> Any:
    """Return the same for all ways to write a number, and what no string is."""
    if not isinstance(value, Decimal):
        return str(value)
    sign, digits, exponent = value.as_tuple()
    assert isinstance(exponent, int)
    written = "".join(map(str, digits))
    kept = written.rstrip("0")
    scale = exponent + len(written) - len(kept)
    if kept and 0 <= scale <= LONGEST_EXACT_INTEGER - len(kept):
        return int(f"{'-' * sign}{kept}{'0' * scale}")
    return [sign, kept, scale] if kept else 0


def _digest(*parts: str) -> bytes:
    return hashlib.sha256("\n".join(parts).encode("utf-8", "surrogatepass")).digest()


def _first_answer(
    digest: bytes, asked: bytes, carry_out: Callable[[], HttpResponse]
) -> HttpResponse:
    """Return the answer that is kept or, where there is none, carry the request out and keep it."""
    with transaction.atomic():
        kept = first_answers.claim(digest=digest, request=asked)
        if kept is not None:
            return _again(kept)
        answer = _final(carry_out)
        first_answers.keep(_to_keep(answer), digest=digest)
    return answer


def _final(carry_out: Callable[[], HttpResponse]) -> HttpResponse:
    """Return an answer that is to be kept; what is not is raised, and undone with its claim."""
    try:
        return carry_out()
    except Problem as problem:
        if problem.status not in KEPT_REFUSALS:
            raise
        return problems.response(problem)


def _to_keep(answer: HttpResponse) -> Answer:
    body = json.dumps(answer.data) if isinstance(answer, Response) else answer.content
    return Answer(
        status=answer.status_code, location=answer.get("Location", ""), body=body.decode()
    )


def _again(kept: Answer) -> HttpResponse:
    kind = problems.CONTENT_TYPE if kept.status >= 400 else "application/json"
    answer = HttpResponse(kept.body, status=kept.status, content_type=kind)
    if kept.location:
        answer["Location"] = kept.location
    answer[REPLAYED] = "true"
    return answer


def _under_way() -> Problem:
    return Problem(
        status=409,
        type="request-under-way",
        title="The first request with this key is still under way",
        headers={"Retry-After": "1"},
    )


def _another_request() -> Problem:
    type_, title = problems.KINDS[422]
    return Problem(422, type_, title, errors=[{"field": HEADER, "message": ANOTHER}])
