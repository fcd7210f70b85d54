"""`manage.py dead_letters`: what people and monitors see, and what is refused."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection

from wildrydes import redrives
from wildrydes.errors import Reject
from wildrydes.models import DeadLetter, OperatorAction, Receipt, Redrive

from .conftest import Kernel


@pytest.fixture
def letters(kernel: Kernel) -> list[int]:
    """Return the numbers of twelve dead letters of the first subscriber; its handler is fixed."""
    kernel.fails = set(range(12))
    kernel.raises = {number: Reject(f"{number} is refused") for number in range(12)}
    kernel.publish(*range(12))
    kernel.run_until_quiet()
    DeadLetter.objects.exclude(subscription="first.record").delete()
    kernel.fails, kernel.raises = set(), {}
    return list(DeadLetter.objects.order_by("id").values_list("id", flat=True))


def tell(*arguments: object) -> str:
    """Run the command; return what it prints."""
    output = io.StringIO()
    call_command("dead_letters", *[str(argument) for argument in arguments], stdout=output)
    return output.getvalue()


def as_json(*arguments: object) -> Any:
    return json.loads(tell(*arguments, "--json"))


@contextmanager
def working(kernel: Kernel) -> Iterator[None]:
    """Let relay and workers run during the block."""
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            redrives.advance()
            kernel.relay.turn()
            if not kernel.work("first"):
                stop.wait(0.05)
        connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(timeout=30)


def test_a_list_shows_what_was_selected(kernel: Kernel, letters: list[int]) -> None:
    assert [entry["letter"] for entry in as_json("list")] == letters
    assert [entry["letter"] for entry in as_json("list", "--limit", 2)] == letters[:2]
    (only,) = as_json("list", "--error", " 7 IS ", "--since", "1h")
    assert only["error"] == "rejected: 7 is refused"
    assert only["subscription"] == "first.record"
    lines = tell("list").splitlines()
    assert len(lines) == 12
    assert f"{letters[0]}  " in lines[0]
    assert as_json("list", "--subscription", "second.record") == []
    assert tell("list", "--since", "2999-01-01") == "There are no such dead letters.\n"


def test_a_letter_is_shown_whole_by_number_and_by_message_id(
    kernel: Kernel, letters: list[int]
) -> None:
    letter = DeadLetter.objects.get(id=letters[3])
    (by_number,), (by_id,) = as_json("show", letter.pk), as_json("show", letter.message_id)
    assert by_number == by_id
    assert by_number["cloudevent"] == letter.message
    assert "Traceback" in by_number["traceback"]
    assert "Traceback" in tell("show", letter.pk)


def test_a_dry_run_changes_nothing(kernel: Kernel, letters: list[int]) -> None:
    for action in ("redrive", "discard"):
        told = as_json(action, "--limit", 2, "--dry-run")
        assert (told["dry_run"], told["count"]) == (True, 2)
        assert "Would" in tell(action, "--all", "--dry-run")
    assert DeadLetter.objects.count() == 12
    assert not OperatorAction.objects.exists()
    tell("redrive", "--all", "--canary", "--dry-run")
    assert not Redrive.objects.exists()


def test_redriven_letters_are_handled_and_waited_for(kernel: Kernel, letters: list[int]) -> None:
    with working(kernel):
        told = tell("redrive", "--subscription", "first.record", "--wait", "--by", "ann")
    assert told == "Redriven: 12.\nThey are over: 12 done.\n"
    assert Receipt.objects.filter(status="done").count() == 12
    assert set(OperatorAction.objects.values_list("by", "action")) == {("ann", "redrive")}


def test_redriven_letters_that_fail_again_are_an_error(kernel: Kernel, letters: list[int]) -> None:
    kernel.fails = {0, 1}
    with working(kernel), pytest.raises(CommandError, match="2 failed again"):
        tell("redrive", "--all", "--wait")


def test_letters_can_be_named(kernel: Kernel, letters: list[int]) -> None:
    message_id = DeadLetter.objects.get(id=letters[5]).message_id
    told = as_json("redrive", letters[0], message_id)
    assert told == {"taken": 2, "gone": 0, "refused": 0, "reasons": []}
    retrying = Receipt.objects.filter(status="retrying").order_by("id")
    assert list(retrying.values_list("id", flat=True)) == [letters[0], letters[5]]


def test_letters_can_be_sent_elsewhere(kernel: Kernel, letters: list[int]) -> None:
    tell("redrive", letters[0], "--to", "second.record")
    kernel.run_until_quiet()
    assert sum(kernel.effects().values()) == 1
    assert {name for name, _ in kernel.effects()} == {"second"}
    with pytest.raises(CommandError, match=r"no subscription 'no\.where'"):
        tell("redrive", letters[1], "--to", "no.where")


def test_a_discard_says_why(kernel: Kernel, letters: list[int]) -> None:
    assert tell("discard", "--limit", 3, "--reason", "a test") == "Discarded: 3.\n"
    (reason,) = {error.splitlines()[0] for error in dropped_errors()}
    assert reason.startswith("discarded by ")
    assert reason.endswith(": a test")


def dropped_errors() -> list[str]:
    return list(Receipt.objects.filter(status="dropped").values_list("error", flat=True))


def test_a_canary_redrive_is_waited_for(kernel: Kernel, letters: list[int]) -> None:
    with working(kernel):
        told = as_json("redrive", "--all", "--canary", "--rate", 100, "--wait")
    assert (told["state"], told["done"], told["size"]) == ("finished", 12, 12)


def test_a_canary_redrive_that_halts_is_an_error(kernel: Kernel, letters: list[int]) -> None:
    kernel.fails = set(range(12))
    with working(kernel), pytest.raises(CommandError, match="is halted: 1 failed"):
        tell("redrive", "--all", "--canary", "--wait")
    (told,) = as_json("status")
    assert (told["state"], told["waiting"], told["failed"]) == ("halted", 11, 1)
    assert "failed again in the stage one" in tell("status")


def test_waiting_ends_at_its_time_limit(kernel: Kernel, letters: list[int]) -> None:
    for extra in ([], ["--canary"]):
        with pytest.raises(CommandError, match="--timeout: not over after 0 s"):
            tell("redrive", "--limit", 1, "--wait", "--timeout", 0, *extra)


def test_a_canary_redrive_is_paused_resumed_and_cancelled(
    kernel: Kernel, letters: list[int]
) -> None:
    number = as_json("redrive", "--all", "--canary", "--by", "ann")["redrive"]
    assert as_json("pause", number, "--by", "bob")["state"] == "paused"
    assert as_json("resume", number)["state"] == "running"
    assert f"Redrive {number} is cancelled" in tell("cancel", number)
    with pytest.raises(CommandError, match=f"redrive {number} is cancelled; cannot resume it"):
        tell("resume", number)
    by = OperatorAction.objects.order_by("id").values_list("by", flat=True)
    assert list(by)[:2] == ["ann", "bob"]
    assert all(by)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["redrive"], "say which: LETTER, --subscription"),
        (["discard"], "say which: LETTER, --subscription"),
        (["redrive", "1", "--all"], "not both"),
        (["redrive", "--all", "--limit", "1"], "--all cannot be combined with --limit"),
        (["redrive", "999999"], "no dead letter '999999'"),
        (["show", "nonsense"], "no dead letter 'nonsense'"),
        (["list", "--subscription", "no.where"], "--subscription: .* no subscription"),
        (["list", "--since", "soon"], "--since: 'soon' is neither"),
        (["list", "--since", "999999999999d"], "--since: '999999999999d' is too long ago"),
        (["list", "--limit", "0"], "--limit must be at least 1"),
        (["redrive", "--all", "--rate", "3"], "--rate needs --canary"),
        (["redrive", "--all", "--canary", "--rate", "0"], "--rate must be above 0"),
        (["redrive", "--all", "--canary", "--rate", "nan"], "--rate must be above 0"),
        (["redrive", "--all", "--canary", "--to", "x.y"], "--to cannot be combined"),
        (["redrive", "--all", "--canary", "--rest-failures", "101"], "--rest-failures must be"),
        (["redrive", "--all", "--canary", "--canary-failures", "-1"], "--canary-failures must"),
        (["redrive", "--all", "--canary"], "none of them is a dead letter"),
        (["discard", "--all", "--reason", " "], "say why"),
        (["status", "7"], "no redrive 7"),
        (["pause", "7"], "no redrive 7"),
    ],
)
def test_a_mistake_is_named(kernel: Kernel, arguments: list[str], why: str) -> None:
    with pytest.raises(CommandError, match=why):
        tell(*arguments)


def test_nothing_to_redrive_is_no_error(kernel: Kernel) -> None:
    assert tell("redrive", "--all") == "Redriven: 0.\n"
