"""What is written to the log, by whom, and what happens when it cannot be."""

import json
import subprocess
import sys
from typing import Any

import pytest
import structlog

from config.env import PROJECT_ROOT
from config.logs import PLAIN

BEGIN = """
import logging, sys, structlog, threading
from config import logs
logs.configure(level={level!r}, json={as_json})
ours, theirs = structlog.get_logger("our.module"), logging.getLogger("their.module")
"""


def test_our_lines_and_those_of_libraries_look_alike() -> None:
    ours, theirs = _lines(
        'ours.info("paid", order=7)', 'theirs.info("paid", extra={"order": 7})', level="INFO"
    )

    assert ours.pop("timestamp").endswith("Z")
    assert theirs.pop("timestamp").endswith("Z")
    assert (ours.pop("logger"), theirs.pop("logger")) == ("our.module", "their.module")
    assert ours == theirs == {"event": "paid", "order": 7, "level": "info"}


def test_below_the_level_nothing_is_written() -> None:
    lines = _lines('ours.info("a")', 'theirs.info("b")', 'ours.warning("c")', level="WARN")

    assert [line["event"] for line in lines] == ["c"]


def test_what_is_bound_to_the_context_is_in_each_line() -> None:
    lines = _lines(
        'structlog.contextvars.bind_contextvars(correlation_id="story")',
        'ours.info("a")',
        'theirs.info("b")',
    )

    assert [line["correlation_id"] for line in lines] == ["story", "story"]


@pytest.mark.parametrize("as_json", [True, False], ids=["json", "for people"])
def test_an_error_is_told_with_its_causes_and_without_the_values_of_variables(
    as_json: bool,
) -> None:
    failing = """
def fail(password):
    raise ValueError("no such order")
try:
    fail("open" + "sesame")
except ValueError:
    ours.exception("failed"), theirs.exception("failed")
"""
    written = _written(failing, as_json=as_json)

    assert written.count("no such order") == 2
    assert written.count("ValueError") == 2
    assert "opensesame" not in written


def test_a_value_that_cannot_be_written_fails_nobody() -> None:
    mute = """
class Mute:
    def __repr__(self): raise RuntimeError("mute")
ours.info("paid", by=Mute())
"""
    line, after = _lines(mute, 'ours.info("after")')

    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "a line of the log could not be made",
        "error": "RuntimeError",
        "logger": "our.module",
        "level": "info",
    }
    assert after["event"] == "after"


INTERRUPTED = """
class Interrupted:
    def write(self, text): raise RuntimeError("reentrant call")
    def flush(self): pass
logging.getLogger().handlers[0].stream = Interrupted()
"""


@pytest.mark.parametrize("end", ["import os; os.close(2)", "sys.stderr.close()", INTERRUPTED])
def test_a_log_that_nobody_can_write_to_fails_nobody(end: str) -> None:
    assert _run(end, 'ours.info("paid")', 'print("paid")').stdout == "paid\n"


def test_a_library_does_not_say_when_its_line_was_written() -> None:
    (line,) = _lines('theirs.info("paid", extra={"timestamp": "long ago"})')

    assert line["timestamp"].endswith("Z")


def test_people_are_not_shown_the_values_of_variables_whatever_is_installed() -> None:
    assert PLAIN._exception_formatter is structlog.dev.plain_traceback


def test_lines_of_threads_are_whole() -> None:
    talk = """
def talk(number):
    for turn in range(100):
        ours.info("ours", number=number, turn=turn, text="x" * 9000)
        theirs.info("theirs", extra={"number": number, "turn": turn, "text": "y" * 9000})
threads = [threading.Thread(target=talk, args=(number,)) for number in range(6)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
"""
    lines = _lines(talk)

    found = {(line["event"], line["number"], line["turn"]) for line in lines}
    assert len(lines) == len(found) == 2 * 6 * 100


def _lines(*said: str, level: str = "INFO") -> list[dict[str, Any]]:
    return [json.loads(line) for line in _written(*said, level=level).splitlines()]


def _written(*said: str, level: str = "INFO", as_json: bool = True) -> str:
    return _run(*said, level=level, as_json=as_json).stderr


def _run(*said: str, level: str = "INFO", as_json: bool = True) -> subprocess.CompletedProcess[str]:
    text = "\n".join([BEGIN.format(level=level, as_json=as_json), *said])
    command = [sys.executable, "-c", text]
    return subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, text=True, check=True)
