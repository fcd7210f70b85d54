"""What a saga has given up is not begun any more: not late, not again, not by a redrive."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from django.db import transaction
from django.db.models import DateTimeField, Func

from tests.integration.wildrydes.saga.conftest import SALE, Sales, let_time_pass
from wildrydes import saga
from wildrydes.dead_letters import operations
from wildrydes.errors import Reject
from wildrydes.models import DeadLetter, Message, Receipt, Saga, SagaEvent
from wildrydes.saga import Step
from wildrydes.saga.receiving import Said, record_all

from .conftest import ORCHESTRATOR


class ClockTimestamp(Func):
    """The database's time, now."""

    function = "clock_timestamp"
    output_field = DateTimeField()


SHORT = timedelta(milliseconds=300)
BOOKING = "book.do"


@pytest.fixture
def hasty(sales: Sales) -> Sales:
    """Return a platform whose sales give a booking up after a moment."""
    first, *others = SALE.steps
    assert isinstance(first, Step)
    saga.define(replace(SALE, version=2, steps=(replace(first, timeout=SHORT), *others)))
    return sales


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def is_given_up() -> bool:
    """Wake sagas whose time has come; say whether one has given up what it waits for."""
    saga.wake_due()
    return SagaEvent.objects.filter(kind="timed_out").exists()


def has_expired(message_id: UUID) -> bool:
    """Say whether a message has expired, by the database's clock."""
    return Message.objects.filter(id=message_id, expires_at__lte=ClockTimestamp()).exists()


def is_settled(sales: Sales, receipt_id: int) -> bool:
    """Let everybody work; say whether a receipt waits for no other attempt."""
    sales.run()
    return Receipt.objects.get(id=receipt_id).status != "retrying"


def command(type_: str = "v1.book.do") -> Message:
    return Message.objects.get(type=type_)


def test_a_command_expires_when_its_hop_is_over(sales: Sales) -> None:
    sales.answers["pay.do"] = ValueError("not now")
    saga_id = sales.start()
    sales.run_until("compensated")
    sent = {item.id: item for item in Message.objects.filter(kind="command")}
    hops = SagaEvent.objects.filter(saga_id=saga_id, message_id__in=sent, wake_at__isnull=False)
    assert len(hops) == len(sent) == 5
    for hop in hops:
        assert sent[hop.message_id].expires_at == hop.wake_at
    delayed = [item for item in sent.values() if item.not_before]
    assert delayed
    assert all(item.not_before < item.expires_at for item in delayed)


def test_who_was_down_does_not_begin_what_was_given_up(hasty: Sales) -> None:
    saga_id = hasty.start()
    hasty.kernel.run_relay()
    wait_for(is_given_up)
    hasty.run_until("compensated")
    assert [name for name, _ in hasty.calls] == ["book.undo"]
    assert Receipt.objects.get(subscription=BOOKING).status == "dropped"
    assert "late book" in hasty.history(saga_id)
    assert "failed book" not in hasty.history(saga_id)


def test_who_tries_again_does_not_try_what_was_given_up(hasty: Sales) -> None:
    hasty.answers[BOOKING] = ValueError("not now")
    saga_id = hasty.start()
    hasty.kernel.run_relay()
    hasty.participate("book")
    Receipt.objects.filter(subscription=BOOKING).update(next_attempt_at=command().expires_at)
    wait_for(is_given_up)
    del hasty.answers[BOOKING]
    hasty.run_until("compensated")
    booking = Receipt.objects.get(subscription=BOOKING)
    wait_for(lambda: is_settled(hasty, booking.pk))
    assert [name for name, _ in hasty.calls] == [BOOKING, "book.undo"]
    assert Receipt.objects.get(subscription=BOOKING).status == "dropped"
    assert "late book" in hasty.history(saga_id)
    assert "failed book" not in hasty.history(saga_id)


def test_a_dead_letter_that_is_redriven_when_it_was_given_up_is_let_go_of(hasty: Sales) -> None:
    hasty.answers[BOOKING] = Reject("not like this")
    saga_id = hasty.start()
    hasty.run_until("compensated")
    (letter, *_) = DeadLetter.objects.order_by("id")
    before = hasty.history(saga_id)
    wait_for(lambda: has_expired(letter.message_id))
    del hasty.answers[BOOKING]
    hasty.calls.clear()
    operations.redrive(ids=[letter.pk], by="ann")
    wait_for(lambda: is_settled(hasty, letter.pk))
    assert hasty.calls == []
    assert Receipt.objects.get(id=letter.pk).status == "dropped"
    assert hasty.history(saga_id) == [*before, "late book"]


def test_what_expired_before_the_saga_was_woken_has_timed_out_and_not_failed(sales: Sales) -> None:
    saga_id = sales.start()
    let_time_pass(minutes=2)
    (asked,) = Message.objects.filter(kind="command")
    said = Said(asked.id, asked.subject, saga.Answer("failed", reason="discarded: expired"))
    with transaction.atomic():
        counts = record_all([said], orchestrator=ORCHESTRATOR)
    assert counts["unknown"] == 0
    assert sales.history(saga_id)[2:4] == ["timed_out book", "turned_back book"]
    assert sales.history(saga_id)[-1] == "late book"
    assert Saga.objects.get().state["book"]["status"] == "compensating"
