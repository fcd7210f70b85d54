"""Message Relay: every committed message reaches the queue of everyone who wants it."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models import F

from config.embedded.valkey import EmbeddedValkey
from wildrydes import publishing, redis, wire
from wildrydes.consumer import consume
from wildrydes.models import Dispatch, Unrouted
from wildrydes.relay import Relay, batches, sending

from .conftest import Do, Kernel, small_topology


def test_each_subscription_gets_its_own_copy_if_its_filter_lets_it_through(kernel: Kernel) -> None:
    kernel.publish(1, 10)
    assert kernel.relay.turn()
    first, second = kernel.take("first"), kernel.take("second")
    assert first is not None
    assert second is not None
    assert first["task"] == "first.record"
    assert [event["data"]["number"] for event in first["messages"]] == [1, 10]
    assert [event["data"]["number"] for event in second["messages"]] == [10]
    assert not Unrouted.objects.exists()


def test_a_command_goes_to_its_one_subscription(kernel: Kernel) -> None:
    with transaction.atomic():
        publishing.send(Do(5))
    kernel.relay.turn()
    assert kernel.standing("first") == 0
    delivery = kernel.take("second")
    assert delivery is not None
    assert delivery["task"] == "second.do"


def test_what_is_on_the_wire_is_a_cloudevent(kernel: Kernel) -> None:
    (message_id,) = kernel.publish(1)
    kernel.relay.turn()
    delivery = kernel.take("first")
    assert delivery is not None
    event = delivery["messages"][0]
    assert event["specversion"] == "1.0"
    assert event["id"] == str(message_id)
    assert event["type"] == "v1.test.happened"
    assert event["datacontenttype"] == "application/json"


def test_batches_keep_within_the_bounds_of_items(kernel: Kernel) -> None:
    kernel.use(small_topology(batch_items=4, max_open=10))
    kernel.publish(*range(10))
    kernel.relay.turn()
    sizes = sorted(Dispatch.objects.filter(queue="first").values_list("size", flat=True))
    assert sizes == [2, 4, 4]


def test_batches_keep_within_the_bounds_of_bytes(kernel: Kernel) -> None:
    kernel.use(small_topology(batch_bytes=1200, max_open=100))
    kernel.publish(*range(10))
    kernel.relay.turn()
    assert all(weight <= 1200 for (weight,) in Dispatch.objects.values_list("weight"))
    assert Dispatch.objects.filter(queue="first").count() > 1


def test_only_so_many_dispatches_are_open_and_the_rest_waits_in_postgres(kernel: Kernel) -> None:
    kernel.use(small_topology(batch_items=1, max_open=3))
    kernel.publish(*range(8))
    kernel.relay.turn()
    kernel.relay.turn()
    assert kernel.standing("first") == 3
    assert Dispatch.objects.filter(queue="first", sent_at__isnull=True).count() == 5


def test_what_waits_goes_out_together_when_a_place_comes_free(kernel: Kernel) -> None:
    kernel.use(small_topology(max_open=1))
    for number in range(6):
        kernel.publish(number)
        kernel.relay.turn()
    assert kernel.standing("first") == 1
    assert [outcome.done for outcome in kernel.work("first")] == [1]
    kernel.relay.turn()
    delivery = kernel.take("first")
    assert delivery is not None
    assert [event["data"]["number"] for event in delivery["messages"]] == [1, 2, 3, 4, 5]


def test_a_dispatch_that_was_lost_is_sent_again_when_its_lease_has_lapsed(kernel: Kernel) -> None:
    kernel.publish(1)
    kernel.relay.turn()
    lost = kernel.take("first")
    kernel.let_leases_lapse()
    assert kernel.another_relay().turn()
    again = kernel.take("first")
    assert lost is not None
    assert again is not None
    assert again["dispatch"] == lost["dispatch"]
    assert (lost["attempt"], again["attempt"]) == (1, 2)


def test_a_dispatch_that_still_stands_in_its_queue_is_not_sent_again(kernel: Kernel) -> None:
    kernel.publish(1)
    kernel.relay.turn()
    kernel.let_leases_lapse()
    Dispatch.objects.update(sent_at=F("sent_at"))
    kernel.another_relay().turn()
    assert kernel.standing("first") == 1


def test_of_those_that_have_lapsed_the_ones_that_were_taken_are_sent_again(kernel: Kernel) -> None:
    kernel.use(small_topology(max_open=8, batch_items=1))
    kernel.publish(*range(8))
    kernel.relay.turn()
    taken = [kernel.take("first") for _ in range(3)]
    kernel.let_leases_lapse()
    kernel.another_relay().turn()
    standing = [kernel.take("first") for _ in range(kernel.standing("first"))]
    numbers = [body["messages"][0]["data"]["number"] for body in standing if body is not None]
    assert numbers == [3, 4, 5, 6, 7, 0, 1, 2]
    assert len(taken) == 3


def test_a_dispatch_that_a_worker_says_it_is_at_work_on_is_left_to_it(kernel: Kernel) -> None:
    kernel.publish(1)
    kernel.relay.turn()
    body = kernel.take("first")
    assert body is not None
    redis.client().set(wire.at_work_key(body["dispatch"]), b"1")
    kernel.let_leases_lapse()
    kernel.another_relay().turn()
    assert kernel.standing("first") == 0
    redis.client().delete(wire.at_work_key(body["dispatch"]))
    kernel.let_leases_lapse()
    kernel.another_relay().turn()
    assert kernel.standing("first") == 1


def test_a_loss_of_redis_is_not_counted_as_an_attempt(kernel: Kernel) -> None:
    kernel.publish(1)
    kernel.relay.turn()
    redis.client().flushall()
    kernel.another_relay().turn()
    body = kernel.take("first")
    assert body is not None
    assert body["attempt"] == 1


@pytest.mark.parametrize(
    "stranger", [b"no message", b'{"properties": {"correlation_id": "ab-12"}}']
)
def test_strangers_in_a_queue_hide_no_loss(kernel: Kernel, stranger: bytes) -> None:
    kernel.publish(1)
    kernel.relay.turn()
    kernel.take("first")
    redis.client().lpush("first", stranger)
    kernel.let_leases_lapse()
    kernel.another_relay().turn()
    assert kernel.standing("first") == 2


def test_everything_is_sent_again_at_once_when_redis_lost_its_data(kernel: Kernel) -> None:
    kernel.publish(10)
    kernel.relay.turn()
    redis.client().flushall()
    kernel.another_relay().turn()
    assert (kernel.standing("first"), kernel.standing("second")) == (1, 1)


def test_a_relay_that_died_before_it_sent_loses_nothing(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*args: object, **kwargs: object) -> None:
        raise KeyboardInterrupt

    kernel.publish(1)
    monkeypatch.setattr(wire, "put", die)
    with pytest.raises(KeyboardInterrupt):
        kernel.relay.turn()
    monkeypatch.undo()
    kernel.use(small_topology())
    kernel.let_leases_lapse()
    kernel.another_relay().turn()
    assert kernel.standing("first") == 1


def test_relays_that_run_at_once_share_the_work_and_double_nothing(kernel: Kernel) -> None:
    kernel.use(small_topology(max_open=1000, batch_items=1))
    kernel.publish(*range(200))

    def relay() -> None:
        with Relay() as other:
            while other.turn():
                pass
        connection.close()

    threads = [threading.Thread(target=relay) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    numbers = []
    while (delivery := kernel.take("first")) is not None:
        numbers += [event["data"]["number"] for event in delivery["messages"]]
    assert sorted(numbers) == list(range(200))


def test_while_redis_is_away_messages_wait_and_go_out_when_it_is_back(
    kernel: Kernel, valkey: EmbeddedValkey
) -> None:
    valkey.kill()
    try:
        kernel.publish(1)
        with pytest.raises(wire.WIRE_ERRORS):
            kernel.relay.turn()
        kernel.publish(2)
    finally:
        valkey.start()
    kernel.run_relay()
    kernel.work("first")
    assert kernel.effects() == {("first", 1): 1, ("first", 2): 1}


def test_what_redis_refuses_neither_multiplies_nor_holds_up_what_it_takes(kernel: Kernel) -> None:
    redis.client().set("second", "no queue")
    for number in (10, 1, 2):
        kernel.publish(number)
        kernel.let_leases_lapse()
        with pytest.raises(wire.WIRE_ERRORS, match="WRONGTYPE"):
            kernel.relay.turn()
    assert kernel.standing("first") == 3
    redis.client().delete("second")
    kernel.let_leases_lapse()
    kernel.run_relay()
    kernel.work("first")
    kernel.work("second")
    assert kernel.effects() == dict.fromkeys(
        [("first", 10), ("first", 1), ("first", 2), ("second", 10)], 1
    )


def test_what_comes_after_something_that_redis_refuses_goes_with_the_next_turn(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "TOGETHER", 1)
    redis.client().set("first", "no queue")
    kernel.publish(10)
    with pytest.raises(wire.WIRE_ERRORS):
        kernel.relay.turn()
    assert kernel.standing("second") == 0
    kernel.relay.turn()
    assert kernel.standing("second") == 1


def test_a_copy_that_redis_took_after_all_closes_only_what_it_holds(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def put_and_lose_the_reply(deliveries: Sequence[wire.Addressed]) -> None:
        put(deliveries)
        raise ConnectionError("the reply was lost")

    put = wire.put
    kernel.use(small_topology(max_open=1))
    kernel.publish(1)
    with monkeypatch.context() as patch:
        patch.setattr(wire, "put", put_and_lose_the_reply)
        with pytest.raises(ConnectionError):
            kernel.relay.turn()
    kernel.publish(2)
    kernel.relay.turn()
    copy, merged = kernel.take("first"), kernel.take("first")
    assert copy is not None
    assert merged is not None
    assert [event["data"]["number"] for event in merged["messages"]] == [1, 2]
    consume(subscription=copy["task"], body=copy)
    kernel.let_leases_lapse()
    kernel.another_relay().turn()
    kernel.work("first")
    assert kernel.effects() == {("first", 1): 1, ("first", 2): 1}


@pytest.mark.parametrize("size", [1, 20])
def test_a_dispatch_that_an_earlier_copy_closes_while_it_is_claimed_is_let_go(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    def work() -> None:
        consume(subscription="first.record", body=copy or {})
        connection.close()

    def work_in_between(*args: Any, **options: Any) -> Any:
        with ThreadPoolExecutor() as worker:
            worker.submit(work).result(timeout=10)
        return split(*args, **options)

    split = batches.split
    kernel.publish(*range(size))
    kernel.relay.turn()
    copy = kernel.take("first")
    redis.client().flushall()
    monkeypatch.setattr(batches, "split", work_in_between)
    relay = kernel.another_relay()
    relay.turn()
    assert kernel.standing("first") == 0
    assert not Dispatch.objects.filter(queue="first").exists()
    assert kernel.effects() == {("first", number): 1 for number in range(size)}
