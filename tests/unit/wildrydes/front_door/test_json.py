"""Bodies that are ambiguous, malformed, too deep or too large do not get past the parser."""

from __future__ import annotations

import io
import math
import time
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.test import RequestFactory
from rest_framework.exceptions import ParseError, ValidationError

from wildrydes.front_door import json
from wildrydes.front_door.problems import PayloadTooLarge


def nested(levels: int, *, opening: str = "[", closing: str = "]") -> bytes:
    """Return an object whose field `from` makes it `levels` deep."""
    return f'{{"from": {opening * (levels - 1)}{closing * (levels - 1)}}}'.encode()


def parse(body: bytes, **headers: Any) -> dict[str, Any]:
    request: Any = RequestFactory().post("/", body, content_type="application/json", **headers)
    return json.JSONParser().parse(request, "application/json", {"request": request})


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"{",
        b'{"a": 1',
        b'{"a": 1,}',
        b"{'a': 1}",
        b'{"a": 01}',
        b'{"a": +1}',
        b'{"a": .5}',
        b'{"a": 1} {"b": 2}',
        b'{"a": "\n"}',
        b'{"a": "\\x"}',
        b'{"a": "\\ud8"}',
        b'{"a": nan}',
        b'{"a": tru}',
        b'\xef\xbb\xbf{"a": 1}',
        b'{"a": "\xff"}',
        b'{"a": "\xed\xa0\x80"}',
        "{}".encode("utf-16"),
        b"a=1&b=2",
        b"\x00",
    ],
)
def test_what_is_not_json_is_refused(body: bytes) -> None:
    with pytest.raises(ParseError):
        json.loads(body)


@pytest.mark.parametrize("body", [b"[]", b"[{}]", b"null", b"1", b'"text"', b"NaN", b"true"])
def test_what_is_not_an_object_is_refused(body: bytes) -> None:
    with pytest.raises(ParseError, match="must be a JSON object"):
        json.loads(body)


def test_numbers_keep_their_exact_value() -> None:
    read = json.loads(b'{"fare": 256.50, "long": 0.1000000000000000055511151231257827, "n": 420}')

    assert read == {
        "fare": Decimal("256.50"),
        "long": Decimal("0.1000000000000000055511151231257827"),
        "n": 420,
    }


@pytest.mark.parametrize("literal", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999", "9" * 5000])
def test_numbers_that_no_field_takes_reach_the_serializer(literal: str) -> None:
    read = json.loads(f'{{"duration": {literal}}}'.encode())

    assert not math.isfinite(float(read["duration"]))


@pytest.mark.parametrize("literal", ["1e-99999999999999999999", "-1e-99999999999999999999"])
def test_an_exponent_beyond_all_measure_is_no_number_that_a_field_takes(literal: str) -> None:
    read = json.loads(f'{{"duration": {literal}}}'.encode())

    assert not math.isfinite(read["duration"])


@pytest.mark.parametrize(
    "body",
    [
        b'{"fare": 1, "to": "B", "fare": 2}',
        b'{"fare": 1, "f\\u0061re": 2}',
    ],
)
def test_a_field_that_is_given_twice_is_named(body: bytes) -> None:
    with pytest.raises(ValidationError) as refusal:
        json.loads(body)
    assert list(refusal.value.detail) == ["fare"]


def test_a_field_that_an_inner_object_gives_twice_is_left_to_who_can_say_which_object() -> None:
    good, bad = json.loads(b'{"items": [{"fare": 1}, {"fare": 1, "to": "B", "fare": 1}]}')["items"]
    json.refuse_repeated(good)
    with pytest.raises(ValidationError) as refusal:
        json.refuse_repeated(bad)
    assert list(refusal.value.detail) == ["fare"]


def test_thirty_two_levels_are_taken() -> None:
    assert "from" in json.loads(nested(json.MAX_DEPTH))


@pytest.mark.parametrize("levels", [33, 100, 1_000, 100_000])
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}")])
def test_deeper_bodies_are_refused_and_the_field_is_named(
    levels: int, opening: str, closing: str
) -> None:
    with pytest.raises(ValidationError) as refusal:
        json.loads(nested(levels, opening=opening, closing=closing))
    assert list(refusal.value.detail) == ["from"]


def test_brackets_inside_strings_are_no_levels() -> None:
    text = "[" * 1000 + '\\"{'

    assert json.loads(f'{{"from": "{text}"}}'.encode())["from"] == "[" * 1000 + '"{'


def test_many_objects_side_by_side_are_not_deep() -> None:
    assert len(json.loads(b'{"items": [' + b'{"a": []},' * 499 + b"{}]}")["items"]) == 500


@pytest.mark.parametrize(
    "body",
    [
        b'{"' + b'\\"' * 130_000 + b"[" * 40,
        b'"' * 200_000 + b"[" * 40,
        b"[" * 40 + b'"' + b"\\" * 200_000,
        b"{" + b",".join(b'"%d": 1' % n for n in range(20_000)) + b', "0": [' + b"[" * 40,
        b"{" + b",".join(b'"%d": 1, "%d": 1' % (n, n) for n in range(10_000)) + b"}",
    ],
)
def test_a_hostile_body_is_refused_with_little_work(body: bytes) -> None:
    started = time.process_time()
    with pytest.raises((ParseError, ValidationError)):
        json.loads(body)
    assert time.process_time() - started < 1


def test_the_largest_body_is_taken() -> None:
    body = b'{"a": "' + b"x" * (json.MAX_BYTES - 9) + b'"}'

    assert len(body) == json.MAX_BYTES
    assert len(parse(body)["a"]) == json.MAX_BYTES - 9


def test_a_longer_body_is_refused_by_its_length_alone() -> None:
    with pytest.raises(PayloadTooLarge):
        parse(b"{}", CONTENT_LENGTH=str(json.MAX_BYTES + 1))


def test_a_longer_body_is_refused_whatever_it_says_of_its_length() -> None:
    stream = io.BytesIO(b" " * (json.MAX_BYTES + 1))

    with pytest.raises(PayloadTooLarge):
        json.JSONParser().parse(stream, "application/json", {})


def test_answers_are_compact_utf8() -> None:
    rendered = json.JSONRenderer().render({"to": "Graaff-Reinet ☀", "n": 1})

    assert rendered == '{"to":"Graaff-Reinet ☀","n":1}'.encode()


def test_an_empty_answer_has_no_bytes() -> None:
    assert json.JSONRenderer().render(None) == b""


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (Decimal("256.50"), b'"256.50"'),
        (Decimal("1E+3"), b'"1000"'),
        (UUID(int=7), b'"00000000-0000-0000-0000-000000000007"'),
        (datetime(2026, 1, 31, 12, tzinfo=UTC), b'"2026-01-31T12:00:00Z"'),
        (
            datetime(2026, 1, 31, 14, 0, 0, 500_000, tzinfo=timezone(timedelta(hours=2))),
            b'"2026-01-31T12:00:00.500000Z"',
        ),
    ],
)
def test_values_are_written_as_the_contract_has_them(value: object, written: bytes) -> None:
    assert json.dumps(value) == written
