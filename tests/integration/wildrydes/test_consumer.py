"""Idempotent Receiver: whatever arrives twice takes effect once; one bad message fails alone."""

from __future__ import annotations

import random
import time
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.db.models import F
from redis import Redis

from tests.ports import free_port
from wildrydes import deliveries, redis, topology, wire
from wildrydes.consumer import consume, reading, receipts
from wildrydes.consumer.heartbeat import BEAT_SECONDS
from wildrydes.errors import UnreadableMessageError
from wildrydes.models import Dispatch, Message, Receipt, new_id
from wildrydes.relay import acknowledgements

from .conftest import Kernel, small_topology


def test_a_delivery_takes_effect_and_closes_its_dispatch(kernel: Kernel) -> None:
    kernel.publish(10, 11)
    kernel.relay.turn()
    assert [outcome.done for outcome in kernel.work("first")] == [2]
    assert kernel.effects() == {("first", 10): 1, ("first", 11): 1}
    assert not Dispatch.objects.filter(queue="first").exists()
    receipt = Receipt.objects.filter(subscription="first.record").first()
    assert receipt is not None
    assert (receipt.status, receipt.attempts) == ("done", 1)
    assert receipt.done_at is not None
    assert receipt.message is None


MINUTE = timedelta(minutes=1)
BEAT = timedelta(seconds=BEAT_SECONDS)


@pytest.mark.parametrize(
    ("waited", "is_said"),
    [(MINUTE / 2, False), (MINUTE - BEAT, True), (MINUTE + BEAT, True), (60 * MINUTE, True)],
)
def test_a_worker_says_at_once_that_it_is_at_work_where_the_lease_ends_soon(
    kernel: Kernel, waited: timedelta, is_said: bool
) -> None:
    kernel.use(small_topology(lease=MINUTE))
    kernel.publish(1)
    kernel.relay.turn()
    delivery = kernel.take("first")
    assert delivery is not None
    sent_at = datetime.fromisoformat(delivery["sentat"]) - waited
    started = time.monotonic()
    consume(subscription="first.record", body={**delivery, "sentat": sent_at.isoformat()})
    may_have_beaten = time.monotonic() - started > BEAT_SECONDS / 2
    found = bool(redis.client().exists(wire.at_work_key(delivery["dispatch"])))
    assert found is is_said or (found and may_have_beaten)


@pytest.mark.parametrize("sent_at", ["2026-11-22T12:00:00", "now", 1795366680])
def test_a_delivery_that_was_sent_at_no_time_is_refused_and_not_said_to_be_at_work(
    kernel: Kernel, sent_at: object
) -> None:
    kernel.publish(1)
    kernel.relay.turn()
    delivery = kernel.take("first")
    assert delivery is not None
    with pytest.raises(UnreadableMessageError, match=r"without a zone|isoformat"):
        consume(subscription="first.record", body={**delivery, "sentat": sent_at})
    assert kernel.effects() == {}
    kernel.let_leases_lapse()
    kernel.another_relay().turn()
    assert kernel.standing("first") == 1


def test_work_that_cannot_be_announced_is_done(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernel.publish(1)
    kernel.relay.turn()
    delivery = kernel.take("first")
    assert delivery is not None
    monkeypatch.setattr(redis, "impatient_client", lambda: Redis(port=free_port()))
    consume(subscription="first.record", body={**delivery, "sentat": "2026-01-31T12:00:00+00:00"})
    assert kernel.effects() == {("first", 1): 1}


def test_a_claim_takes_its_rows_in_order_of_id_whatever_order_they_come_in(kernel: Kernel) -> None:
    ids = kernel.publish(*range(20))
    kernel.relay.turn()
    delivery = wire.read(kernel.take("first") or {})
    work = reading.read(delivery, subscription=topology.current().subscription("first.record"))
    origin = receipts.Origin("first.record", delivery.dispatch_id, delivery.sent_at, "a worker")
    with transaction.atomic():
        claimed = receipts.claim(origin, list(reversed(work.items)))
    assert list(claimed.attempts) == sorted(ids)


@pytest.mark.parametrize("seed", range(5))
def test_messages_that_arrive_five_times_in_any_batches_take_effect_once(
    kernel: Kernel, seed: int
) -> None:
    chance = random.Random(seed)
    kernel.publish(*range(40))
    kernel.relay.turn()
    delivery = kernel.take("first")
    assert delivery is not None
    events = delivery["messages"] * 5
    chance.shuffle(events)
    while events:
        size = chance.randint(1, 20)
        batch, events = events[:size], events[size:]
        consume(subscription="first.record", body={**delivery, "messages": batch})
    assert kernel.effects() == {("first", number): 1 for number in range(40)}


def test_one_message_that_fails_does_not_fail_its_batch(kernel: Kernel) -> None:
    kernel.fails = {2}
    kernel.publish(1, 2, 3)
    kernel.relay.turn()
    (outcome,) = kernel.work("first")
    assert (outcome.done, outcome.retrying) == (2, 1)
    assert kernel.effects() == {("first", 1): 1, ("first", 3): 1}
    failed = Receipt.objects.get(status="retrying")
    assert failed.error == "ValueError: 2 is refused"
    assert "Traceback" in failed.traceback
    assert failed.message is not None
    assert failed.message["data"] == {"number": 2}
    assert not Dispatch.objects.exists()


def test_a_message_that_failed_is_tried_again_and_then_done(kernel: Kernel) -> None:
    kernel.fails = {1}
    kernel.publish(1)
    kernel.relay.turn()
    kernel.work("first")
    kernel.fails = set()
    kernel.run_until_quiet()
    assert kernel.effects() == {("first", 1): 1}
    receipt = Receipt.objects.get()
    assert (receipt.status, receipt.attempts, receipt.message) == ("done", 2, None)


def test_a_message_that_always_fails_is_dead_after_its_attempts(kernel: Kernel) -> None:
    kernel.fails = {1}
    kernel.publish(1)
    kernel.run_until_quiet()
    assert kernel.effects() == {}
    receipt = Receipt.objects.get()
    assert (receipt.status, receipt.attempts) == ("dead", 3)
    assert "failed 3 times" in receipt.error
    assert "1 is refused" in receipt.error
    assert receipt.message is not None


def test_a_retry_that_is_not_due_is_left_alone_by_a_late_copy(kernel: Kernel) -> None:
    kernel.fails = {1}
    kernel.publish(1)
    kernel.relay.turn()
    body = kernel.take("first")
    assert body is not None
    consume(subscription="first.record", body=body)
    Receipt.objects.update(next_attempt_at=F("received_at") + timedelta(hours=1))
    kernel.fails = set()
    assert consume(subscription="first.record", body=body).duplicate == 1
    assert Receipt.objects.get().status == "retrying"


def test_a_handler_that_fails_leaves_no_effect_of_its_own(kernel: Kernel) -> None:
    kernel.fails = {10}
    kernel.publish(10)
    kernel.relay.turn()
    kernel.work("second")
    assert kernel.effects() == {}


def test_what_cannot_be_read_is_put_aside_and_the_rest_of_its_batch_handled(kernel: Kernel) -> None:
    kernel.publish(1)
    kernel.relay.turn()
    body = kernel.take("first")
    assert body is not None
    garbage: list[Any] = ["garbage", {"specversion": "9"}, {"specversion": "1.0", "id": "x"}]
    mixed = {**body, "messages": [*garbage, *body["messages"]]}
    outcome = consume(subscription="first.record", body=mixed)
    assert (outcome.done, outcome.dead) == (1, 3)
    assert consume(subscription="first.record", body=mixed).duplicate == 1
    dead = Receipt.objects.filter(status="dead")
    assert {letter.error for letter in dead} >= {"unreadable: not a JSON object"}
    assert dead.count() == 3


def test_a_retry_that_cannot_be_read_any_more_is_a_dead_letter_and_no_second_one(
    kernel: Kernel,
) -> None:
    kernel.fails = {1}
    (message_id,) = kernel.publish(1)
    kernel.relay.turn()
    kernel.work("first")
    Receipt.objects.update(next_attempt_at=F("received_at") - timedelta(hours=1))
    kernel.relay.turn()
    body = kernel.take("first")
    assert body is not None
    (event,) = body["messages"]
    renamed = {**body, "messages": [{**event, "type": "v2.test.happened"}]}
    forged = {**renamed, "dispatch": str(new_id())}
    assert consume(subscription="first.record", body=forged).dead == 1
    assert Receipt.objects.get(message_id=message_id).status == "retrying"
    assert consume(subscription="first.record", body=renamed).dead == 1
    letter = Receipt.objects.get(message_id=message_id)
    assert (letter.status, letter.message["type"]) == ("dead", "v1.test.happened")
    assert "does not take 'v2.test.happened'" in letter.error
    assert Receipt.objects.count() == 2


def test_what_is_no_delivery_at_all_raises(kernel: Kernel) -> None:
    with pytest.raises(UnreadableMessageError, match="not a delivery"):
        consume(subscription="first.record", body={"hello": "world"})


def test_a_failed_commit_leaves_neither_effect_nor_receipt(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise ConnectionResetError

    kernel.publish(1)
    kernel.relay.turn()
    body = kernel.take("first")
    assert body is not None
    monkeypatch.setattr("wildrydes.consumer.consuming._close", fail)
    with pytest.raises(ConnectionResetError):
        consume(subscription="first.record", body=body)
    assert kernel.effects() == {}
    assert not Receipt.objects.exists()
    assert Dispatch.objects.filter(queue="first").exists()


def test_a_delivery_from_another_database_is_acknowledged_over_redis(kernel: Kernel) -> None:
    kernel.publish(1)
    kernel.relay.turn()
    body = kernel.take("first")
    assert body is not None
    elsewhere = str(uuid4())
    consume(subscription="first.record", body={**body, "origin": elsewhere})
    assert Dispatch.objects.filter(queue="first").exists()
    assert redis.client().lrange(f"wildrydes:acknowledged:{elsewhere}", 0, -1) == [
        body["dispatch"].encode()
    ]


def test_an_acknowledgement_closes_the_dispatch_where_it_came_from(kernel: Kernel) -> None:
    kernel.publish(1)
    kernel.relay.turn()
    dispatch = Dispatch.objects.get(queue="first")
    origin = kernel.relay._origin
    listener = acknowledgements.AcknowledgementListener(origin=origin)
    acknowledgements.acknowledge(dispatch.id, origin=origin)
    acknowledgements.close(listener._take())
    assert not Dispatch.objects.exists()
    connection.close()


def test_a_message_says_what_became_of_it(kernel: Kernel) -> None:
    kernel.use(small_topology(max_open=1))
    (message_id,) = kernel.publish(10)
    found = {item.subscription: item.status for item in deliveries.deliveries_of(message_id)}
    assert found == {"first.record": "pending", "second.record": "pending"}
    kernel.relay.turn()
    kernel.work("first")
    found = {item.subscription: item.status for item in deliveries.deliveries_of(message_id)}
    assert found == {"first.record": "done", "second.record": "dispatched"}
    whats = [entry.what for entry in deliveries.timeline_of(message_id)]
    assert whats[0] == "published"
    assert "done" in whats
    assert deliveries.deliveries_of(uuid4()) == []
    assert Message.objects.count() == 1
