"""Strict JSON at the front door: what is ambiguous, too deep or too large is refused.

Guarantee: a body that is let through is one object, valid UTF-8, without repeated keys of its own,
at most `MAX_DEPTH` levels deep and `MAX_BYTES` long. Numbers keep their exact value.
Does not guarantee: finite numbers, nor that objects inside it repeat no key: those are `Repeated`.
Both reach the serializer, so that the field can be named, and one bad item of a batch stays one.
Source: RFC 8259; RFC 7493 (I-JSON).
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import IO, Any

import orjson
from django.http import UnreadablePostError
from rest_framework.exceptions import ParseError, ValidationError
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from wildrydes.front_door.problems import PayloadTooLarge

MAX_BYTES = 256 * 1024
MAX_DEPTH = 32
TWICE = "This field is given more than once."
LONGEST_EXACT_INTEGER = 400  # digits; Python refuses to read 4300, and no float has as many

# An unterminated string runs to the end and is never scanned twice: the possessive quantifiers
# keep a hostile body from costing quadratic time.
_PART = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[\]{}]', re.DOTALL)


class Repeated(dict[str, Any]):
    """An object inside the body that gives a key more than once; `refuse_repeated` names it."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.names = [
            name for name, times in Counter(name for name, _ in pairs).items() if times > 1
        ]


class JSONParser(BaseParser):
    """Read one JSON object; a `dict` whose fractions are `Decimal`."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Return the object in `stream`.

        Raises `PayloadTooLarge` (413), `ParseError` (400) for what is not an object, and
        `ValidationError` (400), naming the field, for a repeated key or too many levels.
        """
        return loads(_read(stream, parser_context or {}))


def loads(body: bytes) -> dict[str, Any]:
    """Return the JSON object in `body`. Errors as `JSONParser.parse`."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise ParseError("The body is not valid UTF-8.") from None
    _refuse_deep(text)
    try:
        value = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno} column {error.colno}"
        raise ParseError(f"The body is not valid JSON: {error.msg} at {where}.") from None
    if not isinstance(value, dict):
        raise ParseError("The body must be a JSON object.")
    refuse_repeated(value)
    return value


def refuse_repeated(value: object) -> None:
    """Raise `ValidationError`, naming them, for an object whose keys were given more than once."""
    if isinstance(value, Repeated):
        raise ValidationError({name: [TWICE] for name in value.names})


def _read(stream: IO[Any], context: Mapping[str, Any]) -> bytes:
    request = context.get("request")
    declared = request.META.get("CONTENT_LENGTH") if request is not None else None
    if declared and int(declared) > MAX_BYTES:
        raise PayloadTooLarge()
    try:
        body: bytes = stream.read(MAX_BYTES + 1)
    except UnreadablePostError:
        raise ParseError("The body ended before it was complete.") from None
    if len(body) > MAX_BYTES:
        raise PayloadTooLarge()
    return body


def _refuse_deep(text: str) -> None:
    """Refuse too many levels before the decoder, which recurses, sees them."""
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return
    depth, field = 0, ""
    for part in _PART.findall(text):
        if part in "[{":
            depth += 1
        elif part in "]}":
            depth -= 1
        elif depth == 1:
            field = part
        if depth > MAX_DEPTH:
            message = f"This value is nested deeper than {MAX_DEPTH} levels."
            raise ValidationError({field.strip('"') or "body": [message]})


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    return found if len(found) == len(pairs) else Repeated(pairs)


def _fraction(text: str) -> Decimal | float:
    try:
        return Decimal(text)
    except InvalidOperation:  # an exponent that no Decimal can have: nothing that can be kept
        return float("-inf" if text.startswith("-") else "inf")


def _integer(text: str) -> int | float:
    return int(text) if len(text) <= LONGEST_EXACT_INTEGER else float(text)


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_float=_fraction, parse_int=_integer)


class JSONRenderer(BaseRenderer):
    """Write compact UTF-8 JSON; times as RFC 3339 in UTC, decimals as strings."""

    media_type = "application/json"
    format = "json"
    charset = None
    render_style = "binary"

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        """Return `data` as JSON; no bytes at all for None, as in a 204."""
        return b"" if data is None else dumps(data)


def dumps(data: Any) -> bytes:
    """Return `data` as compact JSON."""
    return orjson.dumps(data, default=_plain, option=orjson.OPT_PASSTHROUGH_DATETIME)


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return rfc3339(value)
    if isinstance(value, Decimal):
        return f"{value:f}"
    return str(value)


def rfc3339(moment: datetime) -> str:
    """Return an aware time as RFC 3339 in UTC: `2026-01-31T12:00:00.5Z`."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


class AlwaysJSON(DefaultContentNegotiation):
    """Read JSON that says it is JSON, and answer in JSON, whatever `Accept` asks for."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        """Return the parser of exactly the body's type; none for a wildcard."""
        kind = (request.content_type or "").partition(";")[0].strip().lower()
        return next((parser for parser in parsers if parser.media_type == kind), None)

    def select_renderer(
        self,
        request: Request,
        renderers: Any,
        format_suffix: str | None = None,
    ) -> Any:
        """Return the view's first renderer."""
        return renderers[0], renderers[0].media_type
