"""The way of a hop: by chain to its participant and back."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.db.models import F

from tests.integration.wildrydes.saga.conftest import PARTICIPANTS, Sales, let_time_pass
from wildrydes import redis, saga
from wildrydes.errors import Reject
from wildrydes.models import DeadLetter, Dispatch, Message, Receipt, Saga, SagaEvent, new_id
from wildrydes.saga import Start, rows
from wildrydes.saga.state import Entry, State, replay

EVERY_STEP = [f"{name}.do" for name in PARTICIPANTS]


def assert_history_tells_the_state() -> None:
    """Every stored state is what its stored history comes to."""
    for item in Saga.objects.all():
        entries = [
            Entry(
                kind=event.kind,  # type: ignore[arg-type]
                at=event.at,
                step=event.step,
                attempt=event.attempt,
                message=event.message_id,
                data=event.data,
                reason=event.reason,
                actor=event.actor,
                wake_at=event.wake_at,
            )
            for event in SagaEvent.objects.filter(saga_id=item.id).order_by("number")
        ]
        told = replay(State(saga=item.id, key=item.key, input=item.input), entries)
        with transaction.atomic():
            (row,) = rows.lock([item.id])
        assert {**vars(told), "wake_at": None} == {**vars(row.state), "wake_at": None}


def test_a_sale_goes_through_its_steps_and_is_completed(sales: Sales) -> None:
    saga_id = sales.start()
    sales.run()
    assert sales.statuses() == {"k": "completed"}
    assert [name for name, _ in sales.calls] == EVERY_STEP
    done = [f"{kind} {name}" for name in PARTICIPANTS for kind in ("scheduled", "succeeded")]
    assert sales.history(saga_id) == ["started", *done, "completed"]
    found = Saga.objects.get()
    assert found.ended_at is not None
    assert found.wake_at is None
    assert found.state["ship"]["result"] == {"by": "ship.do"}
    assert not Dispatch.objects.exists()
    assert_history_tells_the_state()


def test_sagas_that_are_ready_for_the_same_step_travel_together(sales: Sales) -> None:
    with transaction.atomic():
        saga.start_all([Start(name="sale", key=str(n), input={}) for n in range(50)])
    sales.run()
    assert set(sales.statuses().values()) == {"completed"}
    assert [(name, len(keys)) for name, keys in sales.calls] == [(name, 50) for name in EVERY_STEP]


def test_a_batch_costs_as_many_statements_as_one(
    sales: Sales, django_assert_max_num_queries: Any
) -> None:
    with transaction.atomic():
        saga.start_all([Start(name="sale", key=str(n), input={}) for n in range(50)])
    sales.kernel.run_relay()
    carried = sales.answer("book")
    with django_assert_max_num_queries(10):
        sales.take_up(carried)
    assert len(sales.sent()) == 100


def test_a_hop_is_a_chain_from_the_participants_queue_to_the_orchestrators(sales: Sales) -> None:
    sales.start()
    sales.kernel.run_relay()
    message = json.loads(redis.client().lrange("book", 0, -1)[0])
    assert message["headers"]["task"] == "book.do"
    embed = json.loads(message["body"])[2]
    assert embed["chord"] is None
    (record,) = embed["chain"]
    assert (record["task"], record["options"]["queue"]) == ("seller.advance.record", "seller")


def test_a_delivery_is_acknowledged_by_whoever_records_its_answers(sales: Sales) -> None:
    sales.start()
    sales.kernel.run_relay()
    carried = sales.answer("book")
    assert Dispatch.objects.filter(queue="book").exists()
    sales.take_up(carried)
    assert not Dispatch.objects.filter(queue="book").exists()
    sales.take_up(carried)
    assert [key for key, _ in sales.sent()] == ["v1.book.do", "v1.pay.do"]


def test_a_refusal_undoes_what_was_done_in_reverse_order(sales: Sales) -> None:
    sales.answers["pay.do"] = saga.declined("insufficient funds")
    saga_id = sales.start()
    sales.run()
    assert sales.statuses() == {"k": "compensated"}
    assert [name for name, _ in sales.calls] == ["book.do", "pay.do", "book.undo"]
    found = Saga.objects.get()
    assert (found.failed_step, found.reason) == ("pay", "insufficient funds")
    assert sales.envelopes["book.undo"][0].subject == f"{saga_id}/book/undo"
    assert_history_tells_the_state()


def test_after_the_pivot_a_refusal_that_may_undoes_all_of_it(sales: Sales) -> None:
    sales.answers["ship.do"] = saga.declined("no such address", {"code": 7})
    saga_id = sales.start()
    sales.run()
    assert sales.statuses() == {"k": "compensated"}
    assert [name for name, _ in sales.calls][3:] == ["pay.undo", "book.undo"]
    refused = SagaEvent.objects.get(saga_id=saga_id, kind="refused")
    assert (refused.data, refused.reason) == ({"code": 7}, "no such address")


def test_one_that_is_refused_touches_none_of_its_companions(sales: Sales) -> None:
    sales.for_key["pay.do", "1"] = saga.declined("no")
    sales.for_key["book.do", "2"] = Reject("never")
    with transaction.atomic():
        saga.start_all([Start(name="sale", key=str(n), input={}) for n in range(4)])
    sales.run_until("completed", "compensated")
    assert sales.statuses() == {
        "0": "completed",
        "1": "compensated",
        "2": "compensated",
        "3": "completed",
    }
    assert_history_tells_the_state()


def test_a_participant_that_ends_dead_has_failed_and_is_asked_again_under_the_same_subject(
    sales: Sales,
) -> None:
    sales.answers["pay.do"] = Reject("the account is unknown")
    saga_id = sales.start()
    sales.run_until("compensated")
    assert DeadLetter.objects.filter(subscription="pay.do").count() == 2
    assert sales.history(saga_id).count("failed pay") == 2
    assert "retried pay" in sales.history(saga_id)
    commands = Message.objects.filter(type="v1.pay.do")
    assert {item.subject for item in commands} == {f"{saga_id}/pay"}
    assert "the account is unknown" in Saga.objects.get().reason
    assert [name for name, _ in sales.calls if name.endswith("undo")] == ["pay.undo", "book.undo"]


def test_a_participant_whose_errors_pass_is_retried_by_its_own_subscription(sales: Sales) -> None:
    sales.answers["pay.do"] = ValueError("not now")
    saga_id = sales.start()
    for name in ("book", "pay"):
        sales.kernel.run_relay()
        sales.participate(name)
    assert Receipt.objects.filter(status="retrying").exists()
    del sales.answers["pay.do"]
    sales.run_until("completed")
    assert "failed pay" not in sales.history(saga_id)


def test_a_saga_whose_function_raises_is_stuck_and_touches_none_of_the_others(
    sales: Sales,
) -> None:
    with transaction.atomic():
        saga.start_all(
            [
                Start(name="sale", key="bad", input={"bomb": "ship"}),
                Start(name="sale", key="unsendable", input={"types": {"ship": "v1.no.such"}}),
                Start(name="sale", key="good", input={}),
            ]
        )
    sales.run()
    assert sales.statuses() == {"bad": "stuck", "unsendable": "stuck", "good": "completed"}
    reasons = dict(Saga.objects.values_list("key", "stuck_because"))
    assert "RuntimeError: ship cannot be asked for" in reasons["bad"]
    assert "v1.no.such" in reasons["unsendable"]
    assert len(sales.events()) == 2
    assert_history_tells_the_state()


def test_a_saga_whose_definition_is_gone_is_stuck_and_goes_on_when_it_is_back(
    sales: Sales, monkeypatch: pytest.MonkeyPatch
) -> None:
    saga_id = sales.start()
    with monkeypatch.context() as without:
        without.setattr(saga.definition, "_definitions", {})
        sales.run()
    assert sales.statuses() == {"k": "stuck"}
    assert Saga.objects.get().state["book"]["status"] == "succeeded"
    saga.retry(saga_id, by="ann", reason="deployed again")
    sales.run()
    assert sales.statuses() == {"k": "completed"}


def test_answers_that_travel_as_messages_advance_it_too(sales: Sales) -> None:
    sales.start()
    for _ in range(12):
        sales.kernel.run_relay()
        for name in (*PARTICIPANTS, "seller"):
            sales.kernel.work(name)
    assert sales.statuses() == {"k": "completed"}
    replies = Message.objects.filter(kind="reply")
    assert replies.count() == 4
    assert not DeadLetter.objects.exists()


def test_a_participant_may_answer_later(sales: Sales) -> None:
    sales.answers["pay.do"] = None
    sales.start()
    sales.run()
    assert sales.statuses() == {"k": "running"}
    (asked,) = sales.envelopes["pay.do"]
    with transaction.atomic():
        saga.reply(to=asked, responder="pay", answer=saga.answered({"late": "is not never"}))
    sales.run()
    assert sales.statuses() == {"k": "completed"}


def test_answers_for_another_database_are_recorded_and_acknowledged_there(sales: Sales) -> None:
    sales.start()
    sales.kernel.run_relay()
    carried = sales.answer("book")
    dispatch_id, elsewhere = str(new_id()), str(new_id())
    sales.take_up({**carried, "origin": elsewhere, "dispatch": dispatch_id})
    assert redis.client().lpop(f"wildrydes:acknowledged:{elsewhere}") == dispatch_id.encode()
    assert [type_ for type_, _ in sales.sent()] == ["v1.book.do", "v1.pay.do"]
    assert Dispatch.objects.filter(queue="book").exists()


@pytest.mark.parametrize(
    "carried",
    [
        {},
        {"dispatch": "x"},
        {"answers": [["x", "answered", {}, "", "y"]]},
        {"answers": [[str(new_id()), "answered", {}, "", "no subject"]]},
        {"answers": [[str(new_id()), "answered", {}, "", f"{new_id()}/book"]]},
    ],
)
def test_nothing_raises_in_a_chain(sales: Sales, carried: dict[str, Any]) -> None:
    saga_id = sales.start()
    whole = {
        "dispatch": str(new_id()),
        "origin": "",
        "queue": "book",
        "responder": "book",
        "answers": [],
        **carried,
    }
    sales.take_up(whole if carried else {})
    assert sales.history(saga_id) == ["started", "scheduled book"]


def test_a_step_that_nobody_answers_in_time_turns_it_round(sales: Sales) -> None:
    sales.answers["pay.do"] = None
    saga_id = sales.start()
    sales.run()
    assert saga.wake_due() == 0
    let_time_pass(minutes=2)
    assert saga.wake_due() == 1
    assert saga.wake_due() == 0
    sales.run()
    assert sales.statuses() == {"k": "compensated"}
    assert "timed_out pay" in sales.history(saga_id)
    assert [name for name, _ in sales.calls] == ["book.do", "pay.do", "pay.undo", "book.undo"]
    assert_history_tells_the_state()


def test_a_whole_that_takes_too_long_turns_round(sales: Sales) -> None:
    sales.answers["book.do"] = None
    saga_id = sales.start()
    sales.run()
    past = timedelta(hours=1)
    Saga.objects.update(deadline_at=F("deadline_at") - past, wake_at=F("wake_at") - past)
    assert saga.wake_due() == 1
    sales.run()
    assert sales.statuses() == {"k": "compensated"}
    assert sales.history(saga_id)[2:5] == ["timed_out", "timed_out book", "turned_back book"]
    assert Saga.objects.get().reason == "the whole took too long"


def test_a_late_answer_is_kept_and_changes_nothing(sales: Sales) -> None:
    sales.answers["pay.do"] = None
    saga_id = sales.start()
    sales.run()
    (asked,) = sales.envelopes["pay.do"]
    let_time_pass(minutes=2)
    saga.wake_due()
    sales.run()
    sales.say(saga_id, "pay", saga.answered({"paid": True}), message=asked.id)
    assert sales.statuses() == {"k": "compensated"}
    late = SagaEvent.objects.get(saga_id=saga_id, kind="late")
    assert (late.step, late.data, late.message_id) == ("pay", {"paid": True}, asked.id)


def test_the_history_cannot_be_changed(sales: Sales) -> None:
    sales.start()
    for change in (
        "UPDATE wildrydes_sagaevent SET reason = 'x'",
        "DELETE FROM wildrydes_sagaevent",
    ):
        with pytest.raises(DatabaseError, match="append-only"), connection.cursor() as cursor:
            cursor.execute(change)


def test_commands_bear_the_correlation_of_whoever_started_it(sales: Sales) -> None:
    sales.start()
    sales.run()
    commands = list(Message.objects.filter(kind="command").order_by("position"))
    assert len({item.correlation_id for item in commands}) == 1
    assert len({item.trace_parent.split("-")[1] for item in commands}) == 1
    assert [item.causation_id for item in commands[1:]] == [item.id for item in commands[:-1]]
