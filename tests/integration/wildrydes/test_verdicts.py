"""What a handler can say, and what becomes of a message that cannot be handled as it is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import transaction

from wildrydes import publishing
from wildrydes.consumer import consume
from wildrydes.errors import Discard, Reject, Retry
from wildrydes.models import Dispatch, Receipt
from wildrydes.retry import RetryPolicy

from .conftest import Happened, Kernel, small_topology


def first_receipt() -> Receipt:
    return Receipt.objects.get(subscription="first.record")


def delivered(kernel: Kernel, number: int) -> dict[str, Any]:
    kernel.publish(number)
    kernel.relay.turn()
    body = kernel.take("first")
    assert body is not None
    return body


def test_a_handler_may_reject_a_message_at_once(kernel: Kernel) -> None:
    kernel.fails, kernel.raises = {1}, {1: Reject("no such customer")}
    kernel.publish(1)
    kernel.run_until_quiet()
    receipt = first_receipt()
    assert (receipt.status, receipt.attempts) == ("dead", 1)
    assert receipt.error == "rejected: no such customer"
    assert kernel.effects() == {}


def test_a_handler_may_let_go_of_a_message(kernel: Kernel) -> None:
    kernel.fails, kernel.raises = {1}, {1: Discard("the ride was cancelled")}
    kernel.publish(1)
    kernel.run_until_quiet()
    receipt = first_receipt()
    assert (receipt.status, receipt.error) == ("dropped", "discarded: the ride was cancelled")


def test_a_handler_may_choose_when_it_is_tried_again(kernel: Kernel) -> None:
    kernel.fails, kernel.raises = {1}, {1: Retry(timedelta(hours=2))}
    kernel.publish(1)
    kernel.relay.turn()
    kernel.work("first")
    receipt = first_receipt()
    assert receipt.status == "retrying"
    assert receipt.next_attempt_at is not None
    assert receipt.last_failed_at is not None
    wait = receipt.next_attempt_at - receipt.last_failed_at
    assert timedelta(minutes=119) < wait < timedelta(minutes=121)


def test_an_error_that_is_not_worth_retrying_is_final(kernel: Kernel) -> None:
    policy = RetryPolicy(max_attempts=5, gives_up_on=(ValueError,))
    kernel.use(small_topology(first={"retry": policy}))
    kernel.fails = {1}
    kernel.publish(1)
    kernel.run_until_quiet()
    assert (first_receipt().status, first_receipt().attempts) == ("dead", 1)
    assert first_receipt().error.startswith("not worth retrying: ValueError")


def test_a_handler_that_does_not_end_fails_at_its_time_limit(kernel: Kernel) -> None:
    once = RetryPolicy(max_attempts=1)
    limit = timedelta(milliseconds=200)
    kernel.use(small_topology(first={"time_limit": limit, "retry": once}))
    kernel.hangs = {2}
    kernel.publish(1, 2, 3)
    kernel.run_until_quiet()
    assert kernel.sequence() == [1, 3]
    dead = Receipt.objects.get(status="dead")
    assert "the handler took longer than 0.2 s" in dead.error


def test_a_message_that_kills_its_worker_is_found_and_put_aside(kernel: Kernel) -> None:
    class WorkerDies(BaseException):
        """Stands for kill -9: nothing of the consumer's own runs any more."""

    body = delivered(kernel, 1)
    kernel.publish(2)
    kernel.relay.turn()
    other = kernel.take("first")
    assert other is not None
    body["messages"] += other["messages"]
    kernel.fails, kernel.raises = {2}, {2: WorkerDies()}  # type: ignore[dict-item]
    for attempt in (1, 2, 3, 4):
        with pytest.raises(WorkerDies):
            consume(subscription="first.record", body={**body, "attempt": attempt})
    assert kernel.effects() == {("first", 1): 1}
    outcome = consume(subscription="first.record", body={**body, "attempt": 5})
    assert (outcome.dead, outcome.duplicate) == (1, 1)
    dead = Receipt.objects.get(status="dead")
    assert dead.error == "2 workers began on this message alone and did not come back"
    assert dead.message is not None
    assert not Dispatch.objects.filter(id=body["dispatch"]).exists()


def test_a_redelivery_that_kills_nobody_is_handled_as_usual(kernel: Kernel) -> None:
    body = delivered(kernel, 1)
    assert consume(subscription="first.record", body={**body, "attempt": 3}).done == 1
    receipt = first_receipt()
    assert (receipt.status, receipt.attempts, receipt.starts) == ("done", 1, 0)
    assert consume(subscription="first.record", body={**body, "attempt": 4}).duplicate == 1
    assert kernel.effects() == {("first", 1): 1}


def test_a_message_of_a_type_that_is_not_subscribed_to_is_put_aside(kernel: Kernel) -> None:
    body = delivered(kernel, 1)
    body["messages"][0]["type"] = "v9.test.happened"
    assert consume(subscription="first.record", body=body).dead == 1
    assert "does not take 'v9.test.happened'" in Receipt.objects.get().error


def test_an_expired_message_is_let_go_of_with_the_reason(kernel: Kernel) -> None:
    past = datetime(2001, 1, 1, tzinfo=UTC)
    with transaction.atomic():
        publishing.publish_all([publishing.Outgoing(body=Happened(1), expires_at=past)])
    kernel.run_until_quiet()
    assert kernel.effects() == {}
    assert first_receipt().status == "dropped"
    assert first_receipt().error == "discarded: expired at 2001-01-01T00:00:00+00:00"


def test_at_most_once_acknowledges_before_it_handles_and_never_tries_again(kernel: Kernel) -> None:
    kernel.use(small_topology(first={"at_most_once": True}))
    kernel.fails = {2}
    kernel.publish(1, 2)
    kernel.run_until_quiet()
    assert kernel.effects() == {}
    assert set(Receipt.objects.values_list("status", flat=True)) == {"dropped"}


def test_at_most_once_loses_what_a_dying_worker_had_and_does_not_double_it(kernel: Kernel) -> None:
    kernel.use(small_topology(first={"at_most_once": True}))
    body = delivered(kernel, 1)
    kernel.fails, kernel.raises = {1}, {1: KeyboardInterrupt()}  # type: ignore[dict-item]
    with pytest.raises(KeyboardInterrupt):
        consume(subscription="first.record", body=body)
    kernel.fails = set()
    assert consume(subscription="first.record", body=body).duplicate == 1
    assert kernel.effects() == {}
    assert not Dispatch.objects.filter(queue="first").exists()


def test_the_worker_and_the_times_of_failure_are_on_record(kernel: Kernel) -> None:
    body = delivered(kernel, 1)
    kernel.fails = {1}
    consume(subscription="first.record", body=body, worker="general1@here")
    receipt = first_receipt()
    assert receipt.worker == "general1@here"
    assert receipt.first_failed_at == receipt.last_failed_at
