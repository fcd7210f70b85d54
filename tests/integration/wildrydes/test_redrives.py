"""Canary redrive: one, then ten, then the rest, while they succeed; it halts by itself."""

from __future__ import annotations

import threading
from collections import Counter
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from django.db import connection
from django.db.models import F
from django.utils import timezone

from wildrydes import redrives
from wildrydes.dead_letters import canary, operations
from wildrydes.errors import DeadLetterError, Reject
from wildrydes.models import DeadLetter, OperatorAction, Receipt, Redrive, RedriveItem

from .conftest import Kernel

FAST = 5_000.0


@pytest.fixture
def letters(kernel: Kernel) -> list[int]:
    """Return the numbers of 60 dead letters of the first subscriber; their handler is fixed."""
    return bury(kernel, 60)


@pytest.fixture
def many(kernel: Kernel) -> list[int]:
    """Return the numbers of 500 dead letters."""
    return bury(kernel, 500)


def bury(kernel: Kernel, count: int) -> list[int]:
    """Let the first subscriber fail for good with 0, 1, 2 …; return the letters' numbers."""
    kernel.fails = set(range(count))
    kernel.raises = {number: Reject("not yet") for number in range(count)}
    kernel.publish(*range(count))
    kernel.run_until_quiet()
    DeadLetter.objects.exclude(subscription="first.record").delete()
    kernel.fails, kernel.raises = set(), {}
    return list(DeadLetter.objects.order_by("id").values_list("id", flat=True))


def one_round(kernel: Kernel) -> bool:
    """Advance, relay, work and settle once; say whether any of it did anything."""
    moved = redrives.advance()
    kernel.relay.turn()
    return bool(kernel.work("first")) or moved


def run(kernel: Kernel, redrive: Redrive) -> Redrive:
    """Let the redrive go on until it ends by itself; the time between two slots is skipped."""
    while True:
        worked = one_round(kernel)
        redrive.refresh_from_db()
        if redrive.state != Redrive.State.RUNNING and not redrive.in_work:
            return redrive
        if not worked:
            let_time_pass(redrive, timedelta(seconds=1))


def let_time_pass(redrive: Redrive, span: timedelta) -> None:
    """Pretend that it is later for the redrive's rate."""
    Redrive.objects.filter(id=redrive.pk).update(next_slot_at=F("next_slot_at") - span)


def outcomes(redrive: Redrive) -> Counter[str]:
    return Counter(redrive.items.values_list("outcome", flat=True))


def number_of(letter: int) -> int:
    """Return the number that a letter's message bears."""
    message = Receipt.objects.get(id=letter).message
    assert message is not None
    return int(message["data"]["number"])


def untouched(letters: list[int]) -> list[dict[str, Any]]:
    """Return the whole rows of these letters."""
    return list(Receipt.objects.filter(id__in=letters).order_by("id").values())


def statuses(letters: list[int]) -> Counter[str]:
    return Counter(Receipt.objects.filter(id__in=letters).values_list("status", flat=True))


def reach_last_stage(kernel: Kernel, redrive: Redrive) -> None:
    while redrive.stage != Redrive.Stage.REST:
        one_round(kernel)
        redrive.refresh_from_db()


def test_five_hundred_letters_are_replayed_one_then_ten_then_the_rest(
    kernel: Kernel, many: list[int]
) -> None:
    redrive = canary.start(ids=many, by="ann", rate=FAST)
    run(kernel, redrive)

    assert (redrive.state, redrive.done, redrive.failed) == ("finished", 500, 0)
    stages = Counter(redrive.items.values_list("stage", flat=True))
    assert stages == {"one": 1, "ten": 10, "rest": 489}
    assert statuses(many) == {"done": 500}
    assert kernel.effects() == {("first", number): 1 for number in range(500)}
    assert redrive.ended_at is not None


def test_each_stage_waits_until_the_one_before_it_has_succeeded(
    kernel: Kernel, letters: list[int]
) -> None:
    redrive = canary.start(ids=letters, by="ann", rate=FAST)
    for sent, done in ((1, 0), (10, 1)):
        settled = {"done": done} if done else {}
        for _ in range(3):
            redrives.advance()
        assert outcomes(redrive) == {"sent": sent, "waiting": 60 - sent - done} | settled
        kernel.relay.turn()
        kernel.work("first")
        redrives.advance()
    redrive.refresh_from_db()
    assert (redrive.stage, redrive.done) == ("rest", 11)


def test_a_redrive_whose_handler_still_fails_halts_after_the_first(
    kernel: Kernel, many: list[int]
) -> None:
    kernel.fails = set(range(500))
    before = untouched(many[1:])
    redrive = canary.start(ids=many, by="ann", rate=FAST)
    run(kernel, redrive)

    assert (redrive.state, redrive.stage, redrive.failed) == ("halted", "one", 1)
    assert redrive.reason == "1 of 1 failed again in the stage one"
    assert outcomes(redrive) == {"failed": 1, "waiting": 499}
    assert statuses(many) == {"dead": 500}
    assert untouched(many[1:]) == before
    failed = redrive.items.get(outcome="failed")
    assert (failed.number, failed.receipt_id) == (1, many[0])
    assert "is refused" in failed.error
    assert not redrives.advance()


def test_a_letter_gets_one_attempt(kernel: Kernel) -> None:
    (letter,) = bury(kernel, 1)
    kernel.fails = {0}
    canary.start(ids=[letter], by="ann")
    redrives.advance()
    assert Receipt.objects.get().attempts == 2
    kernel.run_until_quiet()
    assert (Receipt.objects.get().status, Receipt.objects.get().attempts) == ("dead", 3)


def test_a_failure_among_the_ten_halts_with_the_rest_untouched(
    kernel: Kernel, letters: list[int]
) -> None:
    kernel.fails = {number_of(letters[4])}
    redrive = run(kernel, canary.start(ids=letters, by="ann", rate=FAST))
    assert (redrive.state, redrive.stage) == ("halted", "ten")
    assert outcomes(redrive) == {"done": 10, "failed": 1, "waiting": 49}


def test_so_many_failures_as_are_allowed_do_not_halt(kernel: Kernel, letters: list[int]) -> None:
    kernel.fails = {number_of(letters[4])}
    redrive = run(kernel, canary.start(ids=letters, by="ann", rate=FAST, canary_failures=1))
    assert (redrive.state, redrive.done, redrive.failed) == ("finished", 59, 1)


def test_a_tenth_of_the_rest_may_fail(kernel: Kernel, many: list[int]) -> None:
    kernel.fails = {number_of(letter) for letter in many[21::11]}
    redrive = run(kernel, canary.start(ids=many, by="ann", rate=100.0))
    assert (redrive.state, redrive.failed) == ("finished", 44)
    assert statuses(many) == {"done": 456, "dead": 44}


def test_more_than_a_tenth_of_the_rest_halts(kernel: Kernel, many: list[int]) -> None:
    kernel.fails = {number_of(letter) for letter in many[11::2]}
    redrive = run(kernel, canary.start(ids=many, by="ann", rate=20.0))
    assert (redrive.state, redrive.stage) == ("halted", "rest")
    assert "more than 10%" in redrive.reason
    assert outcomes(redrive)["waiting"] > 350
    assert redrive.in_work == 0


def test_the_rate_is_kept(kernel: Kernel, letters: list[int]) -> None:
    redrive = canary.start(ids=letters, by="ann", rate=8.0)
    reach_last_stage(kernel, redrive)
    let_time_pass(redrive, timedelta(seconds=2))
    one_round(kernel)
    rest = redrive.items.filter(stage="rest").order_by("number")
    moments = list(rest.values_list("released_at", flat=True))
    gaps = {later - earlier for earlier, later in pairwise(moments)}
    assert gaps == {timedelta(seconds=1) / 8}
    assert len(moments) in (17, 18)


def test_time_when_nobody_sent_is_made_up_for_only_a_little(
    kernel: Kernel, letters: list[int]
) -> None:
    redrive = canary.start(ids=letters, by="ann", rate=4.0)
    reach_last_stage(kernel, redrive)
    let_time_pass(redrive, timedelta(hours=1))
    redrives.advance()
    assert redrive.items.filter(stage="rest").count() == 20


def test_a_consumer_that_is_down_stops_the_redrive(kernel: Kernel, letters: list[int]) -> None:
    redrive = canary.start(ids=letters, by="ann", rate=4.0)
    reach_last_stage(kernel, redrive)
    for _ in range(10):
        let_time_pass(redrive, timedelta(seconds=5))
        redrives.advance()
    redrive.refresh_from_db()
    assert redrive.in_work == 20


def test_a_paused_redrive_sends_nothing_and_goes_on_where_it_was(
    kernel: Kernel, letters: list[int]
) -> None:
    redrive = canary.start(ids=letters, by="ann", rate=20.0)
    reach_last_stage(kernel, redrive)
    redrives.advance()
    canary.pause(redrive_id=redrive.pk, by="bob")
    let_time_pass(redrive, timedelta(seconds=3))
    for _ in range(3):
        one_round(kernel)
    redrive.refresh_from_db()
    done = redrive.done
    assert (redrive.state, redrive.in_work) == ("paused", 0)
    assert not redrives.advance()

    canary.resume(redrive_id=redrive.pk, by="bob")
    redrive.refresh_from_db()
    assert (redrive.stage, redrive.done) == ("rest", done)
    run(kernel, redrive)
    assert (redrive.state, redrive.done) == ("finished", 60)
    assert set(kernel.effects().values()) == {1}


def test_a_halted_redrive_that_is_resumed_begins_with_one_again(
    kernel: Kernel, letters: list[int]
) -> None:
    kernel.fails = set(range(60))
    redrive = run(kernel, canary.start(ids=letters, by="ann", rate=FAST))
    kernel.fails = set()
    canary.resume(redrive_id=redrive.pk, by="ann")
    redrive.refresh_from_db()
    assert (redrive.state, redrive.stage, redrive.reason) == ("running", "one", "")
    run(kernel, redrive)
    assert (redrive.state, redrive.done, redrive.failed) == ("finished", 59, 1)
    stages = Counter(redrive.items.values_list("stage", flat=True))
    assert stages == {"one": 2, "ten": 10, "rest": 48}


def test_a_cancelled_redrive_leaves_the_others_dead(kernel: Kernel, letters: list[int]) -> None:
    redrive = canary.start(ids=letters, by="ann", rate=FAST)
    redrives.advance()
    canary.cancel(redrive_id=redrive.pk, by="bob")
    one_round(kernel)
    redrives.advance()
    redrive.refresh_from_db()
    assert (redrive.state, redrive.done, redrive.in_work) == ("cancelled", 1, 0)
    assert statuses(letters) == {"done": 1, "dead": 59}
    assert not redrives.advance()


@pytest.mark.parametrize(
    ("state", "refused"),
    [
        ("running", ["resume"]),
        ("paused", ["pause"]),
        ("halted", ["pause"]),
        ("finished", ["pause", "resume", "cancel"]),
        ("cancelled", ["pause", "resume", "cancel"]),
    ],
)
def test_what_makes_no_sense_is_refused(kernel: Kernel, state: str, refused: list[str]) -> None:
    redrive = Redrive.objects.create(rate=1, started_by="ann", state=state)
    for move in ("pause", "resume", "cancel"):
        if move in refused:
            with pytest.raises(DeadLetterError, match=f"is {state}; cannot {move} it"):
                getattr(canary, move)(redrive_id=redrive.pk, by="ann")
    redrive.refresh_from_db()
    assert redrive.state == state
    with pytest.raises(DeadLetterError, match="no redrive 0"):
        canary.pause(redrive_id=0, by="ann")


def test_another_process_goes_on_where_one_was_killed(kernel: Kernel, many: list[int]) -> None:
    redrive = canary.start(ids=many, by="ann", rate=FAST)
    reach_last_stage(kernel, redrive)
    let_time_pass(redrive, timedelta(seconds=1))
    redrives.advance()
    connection.close()
    kernel.relay = kernel.another_relay()
    with kernel.relay:
        run(kernel, redrive)
    assert (redrive.state, redrive.done) == ("finished", 500)
    assert kernel.effects() == {("first", number): 1 for number in range(500)}


def test_relays_that_advance_at_once_send_nothing_twice(kernel: Kernel, many: list[int]) -> None:
    redrive = canary.start(ids=many, by="ann", rate=FAST)
    reach_last_stage(kernel, redrive)
    let_time_pass(redrive, timedelta(seconds=5))

    def advance() -> None:
        for _ in range(10):
            redrives.advance()
        connection.close()

    threads = [threading.Thread(target=advance) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    run(kernel, redrive)
    assert (redrive.done, redrive.settled, redrive.size) == (500, 500, 500)
    assert kernel.effects() == {("first", number): 1 for number in range(500)}


def test_a_letter_that_somebody_else_has_treated_is_skipped_and_replaced(
    kernel: Kernel, letters: list[int]
) -> None:
    redrive = canary.start(ids=letters, by="ann", rate=FAST)
    operations.discard(ids=letters[:3], by="bob", reason="not these")
    run(kernel, redrive)
    assert (redrive.state, redrive.done, redrive.skipped) == ("finished", 57, 3)
    stages = Counter(redrive.items.exclude(outcome="skipped").values_list("stage", flat=True))
    assert stages == {"one": 1, "ten": 10, "rest": 46}


def test_what_died_after_the_start_is_not_in_the_selection(kernel: Kernel) -> None:
    letters = bury(kernel, 3)
    redrive = canary.start(ids=letters, by="ann", rate=FAST)
    kernel.fails = {9}
    kernel.publish(9)
    run(kernel, redrive)
    kernel.run_until_quiet()
    assert redrive.done == 3
    assert DeadLetter.objects.count() == 1


def test_letters_of_a_live_redrive_are_not_taken_by_another(kernel: Kernel) -> None:
    letters = bury(kernel, 3)
    canary.start(ids=letters[:2], by="ann")
    second = canary.start(ids=letters, by="bob")
    assert list(second.items.values_list("receipt_id", flat=True)) == letters[2:]
    with pytest.raises(DeadLetterError, match="another redrive has them"):
        canary.start(ids=letters, by="bob")
    assert Redrive.objects.count() == 2


def test_what_is_gone_from_the_topology_or_the_database_is_skipped(kernel: Kernel) -> None:
    letters = bury(kernel, 3)
    redrive = canary.start(ids=letters, by="ann", rate=FAST)
    Receipt.objects.filter(id=letters[0]).update(subscription="gone.record")
    redrives.advance()
    assert outcomes(redrive) == {"skipped": 1, "waiting": 2}
    redrives.advance()
    Receipt.objects.filter(id=letters[1]).delete()
    run(kernel, redrive)
    assert (redrive.state, redrive.done, redrive.skipped) == ("finished", 1, 2)


def test_who_did_what_is_on_record(kernel: Kernel) -> None:
    letters = bury(kernel, 3)
    asked: dict[str, Any] = {"subscription": "first.record"}
    redrive = canary.start(ids=letters, by="ann", rate=2.0, selection=asked)
    canary.pause(redrive_id=redrive.pk, by="bob")
    canary.resume(redrive_id=redrive.pk, by="cyd")
    canary.cancel(redrive_id=redrive.pk, by="dan")
    record = OperatorAction.objects.order_by("id")
    assert list(record.values_list("by", "action")) == [
        ("ann", "start canary redrive"),
        ("bob", "pause canary redrive"),
        ("cyd", "resume canary redrive"),
        ("dan", "cancel canary redrive"),
    ]
    assert record[0].detail == {"redrive": redrive.pk, "selection": asked, "size": 3, "rate": 2.0}


@pytest.mark.parametrize("rate", [0.0, -1.0, float("nan"), float("inf"), 20_000.0])
def test_a_rate_that_makes_no_sense_is_refused(kernel: Kernel, rate: float) -> None:
    with pytest.raises(DeadLetterError, match="rate"):
        canary.start(ids=[1], by="ann", rate=rate)
    assert not Redrive.objects.exists()
    assert not RedriveItem.objects.exists()


def test_times_are_the_databases(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    letters = bury(kernel, 2)
    before = timezone.now() - timedelta(minutes=1)

    def wrong() -> Any:
        raise AssertionError("this process's clock was asked")

    monkeypatch.setattr(timezone, "now", wrong)
    redrive = run(kernel, canary.start(ids=letters, by="ann", rate=FAST))
    assert redrive.state == "finished"
    assert all(moment > before for (moment,) in redrive.items.values_list("released_at"))
