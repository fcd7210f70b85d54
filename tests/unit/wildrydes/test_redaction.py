from __future__ import annotations

import json
import subprocess
import sys
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from config.env import PROJECT_ROOT
from wildrydes import redaction

NUMBERS = [
    "4242424242424242",
    "4242 4242 4242 4242",
    "4242-4242-4242-4242",
    "4242.4242.4242.4242",
    "4242_4242/4242-4242",
    "378282246310005",
    "3782 822463 10005",
    "6011111111111117",
    "2223003122003222",
    "4222222222222",
    "6304000000000000000",
]


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("around", ["{}", "card {}.", "x{}y", '"{}"', "1 {} 7", "(no. {}, 12/30)"])
def test_a_number_is_found_whatever_stands_around_it(number: str, around: str) -> None:
    text = around.format(number)

    assert redaction.is_in(text)
    assert number not in redaction.masked(text)
    assert not redaction.is_in(redaction.masked(text))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "4242",
        "424242424242",
        "4242424242424241",
        "42424242424242424242",
        "pm_1NvPXJLkdIwHu7ixvYTg42PF",
        "4242  4242  4242  4242",
        "00000000-0000-0000-0000-000000000000",
        "01990000-0000-7000-8000-000000000004",
        "ef5a4341-1762-4408-9cd0-d15befdb27b2",
        "2026-11-21T14:42:41.027631Z",
        "took 0.4242424242424242 s",
    ],
)
def test_what_is_no_number_of_a_card_stays(text: str) -> None:
    assert not redaction.is_in(text)
    assert redaction.masked(text) == text


@given(st.uuids())
@example(UUID("ef5a4341-1762-4408-9cd0-d15befdb27b2"))
@example(UUID("a4242424242424242aaaaaaaaaaaaaaa"))
def test_no_id_is_taken_for_one(id_: UUID) -> None:
    text = f"message {id_}, dispatch/{id_.hex}"
    assert redaction.masked(text) == text
    assert not redaction.is_issued_in(text)


def test_milliseconds_since_1970_stay_in_the_log() -> None:
    assert all(redaction.masked(str(n)) == str(n) for n in range(1763735561000, 1763735561100))


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({"token": "4242424242424242"}, ["token"]),
        ({"card": {"number": 4242424242424242}}, ["card.number"]),
        ({"items": ["x", ["4242 4242 4242 4242"]]}, ["items[1][0]"]),
        ({"4242424242424242": None}, ["4242424242424242"]),
        ({"n": Decimal("4242424242424242.0")}, ["n"]),
        ({"n": 4242424242424242.0}, ["n"]),
        ({"n": -4242424242424242}, ["n"]),
        ({"token": "pm_card_visa", "yes": True, "none": None, "n": 1.5}, []),
        ({"n": [Decimal("1e999999999999999"), Decimal("1e-999999999999999")]}, []),
        ({"n": [10**400, float("inf"), float("nan")]}, []),
    ],
)
def test_it_is_said_where_it_stands(body: dict[str, Any], where: list[str]) -> None:
    assert list(redaction.places(body)) == where


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("around", ["{}", "x{}y", "(no. {}, 12/30)", "1763747261123 {}"])
def test_a_number_that_was_issued_is_found_whatever_stands_around_it(
    number: str, around: str
) -> None:
    assert redaction.is_issued_in(around.format(number))


@pytest.mark.parametrize(
    "text", ["Berlin", "1763747261122", "1763747261123000006", "9" * 16, str(UUID(int=4))]
)
def test_what_begins_otherwise_is_not_taken_for_one_in_ids(text: str) -> None:
    assert not redaction.is_issued_in(text)


@given(st.text(alphabet="0123456789 ./-_x", max_size=30))
@example("3310233447788")
@example("4242 4242 4242 4242")
def test_a_number_that_was_issued_would_be_masked_and_others_may_be(text: str) -> None:
    assert redaction.masked(text) != text or not redaction.is_issued_in(text)


SPEAK = """
import logging, structlog
from config import logs
logs.configure(level="DEBUG", json={json})
number = "4242 4242 4242 4242"
structlog.get_logger("ours").info("paid", card=number, nested={{"n": [4242424242424242]}})
logging.getLogger("theirs").warning("paid with %s", number)
try:
    raise ValueError(f"cannot charge {{number}}")
except ValueError:
    logging.getLogger("theirs").exception("failed")
"""


@pytest.mark.parametrize("as_json", [True, False], ids=["json", "for people"])
def test_no_log_line_holds_one_whoever_writes_it(as_json: bool) -> None:
    command = [sys.executable, "-c", SPEAK.format(json=as_json)]
    lines = subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, text=True).stderr

    assert "paid with [redacted]" in lines
    assert "cannot charge [redacted]" in lines
    assert "4242" not in lines


def test_a_line_of_json_stays_one() -> None:
    line = json.dumps({"n": 4242424242424242, "m": [4242424242424242], "s": "4242424242424242"})

    assert json.loads(redaction.masked(line)) == {"n": None, "m": [None], "s": "[redacted]"}
