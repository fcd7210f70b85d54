"""Each responder counts once, whatever it says and however often; nobody ends a scatter twice."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, transaction

from wildrydes import scatter_gather
from wildrydes.errors import PublishError
from wildrydes.models import Dispatch, Receipt, Response, Scatter, new_id
from wildrydes.scatter_gather import (
    AlreadyAnsweredError,
    Answer,
    First,
    NotAskedError,
    UnknownScatterError,
    answered,
    closing,
    declined,
    recording,
    rows,
    timekeeper,
)

from .conftest import GATHERING, RESPONDERS, Gathering, another_connection, let_deadlines_pass


def somebody_waits_for_a_lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event_type = 'Lock')"
        )
        return bool(cursor.fetchall() == [(True,)])


def test_a_responder_that_answers_twice_is_told_what_stands(gathering: Gathering) -> None:
    scatter_id = gathering.ask()
    first = gathering.record(scatter_id, "ann", answered({"price": 1}))
    with pytest.raises(AlreadyAnsweredError) as refused:
        gathering.record(scatter_id, "ann", answered({"price": 2}))
    assert refused.value.response == first
    assert Response.objects.get().data == {"price": 1}


def test_an_answer_to_nothing_or_of_someone_who_was_not_asked_is_refused(
    gathering: Gathering,
) -> None:
    scatter_id = gathering.ask()
    with pytest.raises(UnknownScatterError):
        gathering.record(uuid4(), "ann", answered({}))
    with pytest.raises(NotAskedError):
        gathering.record(scatter_id, "zoe", answered({}))
    assert not Response.objects.exists()


def test_what_comes_after_the_end_is_kept_and_not_counted(gathering: Gathering) -> None:
    scatter_id = gathering.ask(rule=First(1))
    gathering.record(scatter_id, "ann", answered({}))
    assert gathering.responses(scatter_id) == {
        "ann": "answered",
        "bob": "timed_out",
        "eve": "timed_out",
    }
    before = gathering.gathered()
    late = gathering.record(scatter_id, "bob", answered({"price": 3}))
    assert (late.late, late.data) == (True, {"price": 3})
    assert gathering.responses(scatter_id)["bob"] == "answered*"
    with pytest.raises(AlreadyAnsweredError):
        gathering.record(scatter_id, "bob", answered({"price": 4}))
    assert gathering.gathered() == before


def test_an_answer_after_the_deadline_is_late_also_if_nobody_has_ended_the_scatter(
    gathering: Gathering,
) -> None:
    scatter_id = gathering.ask()
    let_deadlines_pass()
    assert gathering.record(scatter_id, "ann", answered({})).late
    assert Scatter.objects.get().closed_because == "deadline"
    assert gathering.gathered() == [(str(scatter_id), [[name, "timed_out"] for name in RESPONDERS])]


def test_an_answer_that_had_to_wait_beyond_the_deadline_is_late_whichever_it_waited_for(
    gathering: Gathering,
) -> None:
    """Given two scatters, of which another transaction holds the second beyond both deadlines."""
    ids = sorted(gathering.ask(number, deadline=timedelta(seconds=1)) for number in (1, 2))
    verdicts: list[str] = []

    def answer() -> None:
        said = [recording.Said(scatter_id, "ann", answered({})) for scatter_id in ids]
        with transaction.atomic():
            verdicts.extend(recording.record_all(said, gathering=GATHERING))
        connection.close()

    with another_connection() as elsewhere:
        elsewhere.execute("SELECT 1 FROM wildrydes_scatter WHERE id = %s FOR UPDATE", [ids[1]])
        waiting = threading.Thread(target=answer)
        waiting.start()
        while not somebody_waits_for_a_lock():
            assert waiting.is_alive()
        elsewhere.execute("SELECT pg_sleep_until(max(deadline_at)) FROM wildrydes_scatter")
    waiting.join(timeout=10)
    assert verdicts == ["late", "late"]
    assert {scatter.closed_because for scatter in Scatter.objects.all()} == {"deadline"}


def test_a_deadline_that_passes_while_answers_are_recorded_is_kept_by_who_records_them(
    gathering: Gathering,
) -> None:
    scatter_id = gathering.ask(deadline=timedelta(seconds=1))
    with transaction.atomic():
        (locked,) = closing.lock([scatter_id])
        assert not locked.is_overdue, "too slow a machine"
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep_until(deadline_at) FROM wildrydes_scatter")
        assert closing.end_complete([locked]) == 0
    assert Scatter.objects.get().closed_because == "deadline"
    assert gathering.gathered() == [(str(scatter_id), [[name, "timed_out"] for name in RESPONDERS])]


def test_a_reply_to_another_gathering_is_unknown_and_waits_for_nobody(gathering: Gathering) -> None:
    scatter_id = gathering.ask()
    said = recording.Said(scatter_id, "ann", answered({}))
    with another_connection() as elsewhere:
        elsewhere.execute("SELECT FROM wildrydes_scatter FOR UPDATE")
        with transaction.atomic():
            connection.cursor().execute("SET LOCAL lock_timeout = '5s'")
            assert recording.record_all([said], gathering="somebody.else") == ["unknown"]
    assert not Response.objects.exists()


def test_what_is_known_of_a_scatter_does_not_outlive_it(gathering: Gathering) -> None:
    scatter_id = gathering.ask()
    gathering.record(scatter_id, "ann", answered({}))
    Response.objects.all().delete()
    Scatter.objects.all().delete()
    with pytest.raises(UnknownScatterError):
        gathering.record(scatter_id, "bob", answered({}))


def test_what_was_asked_and_undone_is_not_known(gathering: Gathering) -> None:
    scatter_id = new_id()
    with transaction.atomic():
        gathering.ask(id=scatter_id, recipients=["ann.answer"])
        gathering.record(scatter_id, "ann", answered({}))
        transaction.set_rollback(True)
    gathering.ask(id=scatter_id, recipients=["bob.answer"])
    gathering.record(scatter_id, "bob", answered({}))
    assert gathering.responses(scatter_id) == {"bob": "answered"}


def test_of_two_answers_in_one_delivery_one_may_be_late_and_the_other_the_last(
    gathering: Gathering,
) -> None:
    overdue = gathering.ask(1)
    let_deadlines_pass()
    complete = gathering.ask(2, rule=First(1))
    said = [recording.Said(scatter_id, "ann", answered({})) for scatter_id in (overdue, complete)]
    with transaction.atomic():
        assert recording.record_all(said, gathering=GATHERING) == ["late", "recorded"]
    assert gathering.responses(overdue)["ann"] == "answered*"
    assert dict(Scatter.objects.values_list("id", "closed_because")) == {
        overdue: "deadline",
        complete: "completed",
    }


def test_only_so_many_scatters_are_known_at_once(
    gathering: Gathering, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "KNOWN_AT_MOST", 2)
    scatters = [gathering.ask(number) for number in range(5)]
    for name in RESPONDERS:
        for scatter_id in scatters:
            gathering.record(scatter_id, name, answered({}))
            assert 0 < len(rows._known) <= 2
    assert set(Scatter.objects.values_list("closed_because", flat=True)) == {"completed"}


def test_a_responder_may_answer_later_by_a_message(gathering: Gathering) -> None:
    gathering.answers = dict.fromkeys(RESPONDERS)
    scatter_id = gathering.ask()
    gathering.run()
    assert gathering.responses(scatter_id) == {}
    (request,) = gathering.requests["ann"]
    with transaction.atomic():
        scatter_gather.reply(to=request, responder="ann", answer=answered({"price": 1}))
        scatter_gather.reply(to=request, responder="ann", answer=answered({"price": 2}))
        scatter_gather.reply(to=request, responder="zoe", answer=answered({"price": 3}))
    gathering.run()
    assert Response.objects.get().data == {"price": 1}
    found = Receipt.objects.filter(subscription="asker.gather").order_by("position")
    assert [receipt.status for receipt in found] == ["done", "dropped", "dead"]
    assert "has answered already" in found[1].error
    assert "'zoe' was not asked" in found[2].error


def test_a_reply_needs_someone_who_has_asked(gathering: Gathering) -> None:
    gathering.answers = dict.fromkeys(RESPONDERS)
    gathering.ask()
    gathering.run()
    (request,) = gathering.requests["ann"]
    Scatter.objects.all().delete()
    with transaction.atomic():
        scatter_gather.reply(to=request, responder="ann", answer=answered({}))
    gathering.run()
    assert "there is no scatter" in Receipt.objects.get(status="dead").error
    stranger = replace(request, reply_to="")
    with pytest.raises(PublishError, match="nobody to reply to"):
        scatter_gather.reply(to=stranger, responder="ann", answer=declined("busy"))


@pytest.mark.parametrize(
    "data",
    [
        {"lie": True},
        {"much": "x" * 17_000},
        {"nul": "a\x00b"},
        {"half a character": "\ud800"},
        {"no number": float("nan")},
        {"deep": None},
    ],
)
def test_a_responder_that_lies_has_failed_and_harms_nobody_else(
    gathering: Gathering, data: dict[str, Any]
) -> None:
    if "deep" in data:
        for _ in range(5_000):
            data = {"deep": data}
    scatter_id = gathering.ask()
    gathering.kernel.run_relay()
    carried = gathering.answer("eve")
    ((message_id, *_),) = carried["answers"]
    gathering.take_up({**carried, "answers": [[message_id, "answered", data, ""]]})
    gathering.run()
    assert gathering.responses(scatter_id)["eve"] == "failed"
    assert Response.objects.get(responder="eve").data == {}
    assert gathering.gathered()[0][1][2] == ["eve", "failed"]


def test_an_aggregate_that_raises_holds_up_nobody_and_is_kept_with_its_scatter(
    gathering: Gathering,
) -> None:
    bad, good = gathering.ask(1, rule=First(3)), gathering.ask(2)
    gathering.record(bad, "ann", answered({"bomb": 1}))
    let_deadlines_pass()
    assert timekeeper.close_due() == 2
    assert Scatter.objects.get(id=bad).error == "RuntimeError: cannot count"
    assert Scatter.objects.get(id=good).error == ""
    assert [subject for subject, _ in gathering.gathered()] == [str(good)]


def test_a_scatter_can_be_ended_before_its_time_once(gathering: Gathering) -> None:
    scatter_id = gathering.ask()
    with transaction.atomic():
        assert scatter_gather.close(scatter_id)
        assert not scatter_gather.close(scatter_id, because="again")
    assert Scatter.objects.get().closed_because == "cancelled"
    assert len(gathering.gathered()) == 1


def test_of_two_who_record_the_last_answers_at_once_one_ends_the_scatter(
    gathering: Gathering,
) -> None:
    scatters = [gathering.ask(number) for number in range(10)]
    for scatter_id in scatters:
        gathering.record(scatter_id, "ann", answered({}))
    together = threading.Barrier(2)

    def record_all(name: str) -> None:
        for scatter_id in scatters:
            together.wait()
            gathering.record(scatter_id, name, answered({}))
        connection.close()

    threads = [threading.Thread(target=record_all, args=[name]) for name in ("bob", "eve")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(Scatter.objects.values_list("closed_because", flat=True)) == {"completed"}
    assert sorted(subject for subject, _ in gathering.gathered()) == sorted(map(str, scatters))


def test_whoever_listens_hears_of_every_answer_and_of_the_end(gathering: Gathering) -> None:
    with another_connection() as listening:
        listening.autocommit = True
        listening.execute("LISTEN wildrydes_scatter")
        scatter_id = gathering.ask()
        gathering.record(scatter_id, "ann", answered({}))
        with transaction.atomic():
            scatter_gather.close(scatter_id)
        heard = [note.payload for note in listening.notifies(timeout=10, stop_after=2)]
    assert heard == [str(scatter_id)] * 2


def test_a_message_that_ends_dead_is_recorded_as_failed(gathering: Gathering) -> None:
    gathering.answers["eve"] = ValueError("no such place")
    scatter_id = gathering.ask()
    gathering.run_until_closed()
    eve = Response.objects.get(scatter_id=scatter_id, responder="eve")
    assert (eve.outcome, "no such place" in eve.reason) == ("failed", True)
    assert Scatter.objects.get().closed_because == "completed"
    assert not Dispatch.objects.exists()


def test_one_bad_question_does_not_spoil_the_answers_to_the_others(gathering: Gathering) -> None:
    scatters = [gathering.ask(number) for number in (1, 2, 3)]
    gathering.raises_for = {2}
    gathering.run_until_closed()
    assert [gathering.responses(item)["bob"] for item in scatters] == [
        "answered",
        "failed",
        "answered",
    ]


def test_an_answer_that_cannot_be_kept_is_its_senders_failure(gathering: Gathering) -> None:
    gathering.answers["eve"] = Answer("answered", {"much": "x" * 17_000})
    scatter_id = gathering.ask()
    gathering.run_until_closed()
    assert gathering.responses(scatter_id)["eve"] == "failed"
