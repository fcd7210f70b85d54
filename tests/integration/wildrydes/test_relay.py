"""Message Relay: every committed message reaches the queue of everyone who wants it."""

from __future__ import annotations

import dataclasses
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction
from django.db.models import F

from config.embedded.valkey import EmbeddedValkey
from wildrydes import publishing, redis, wire
from wildrydes.conf import kernel_settings
from wildrydes.consumer import consume
from wildrydes.models import Dispatch, Unrouted
from wildrydes.relay import Relay, batches, loop, routing
from wildrydes.relay.wakeup import Wakeups

from .conftest import Do, Kernel, small_topology


def turns_until_it_waits(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> int:
    """Let the relay run until it would wait, and return how many turns it has made."""
    turns: list[None] = []
    take_turn = kernel.relay.turn

    def count() -> bool:
        turns.append(None)
        return take_turn()

    monkeypatch.setattr(kernel.relay, "turn", count)
    monkeypatch.setattr(Wakeups, "wait", lambda self, *, seconds: kernel.relay.stop())
    kernel.relay.run()
    return len(turns)


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


def test_the_relay_looks_again_before_it_waits_where_something_was_left_behind(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = dataclasses.replace(kernel_settings(), routing_batch=3)
    monkeypatch.setattr(loop, "kernel_settings", lambda: few)
    kernel.use(small_topology(batch_items=1, max_open=100))
    kernel.publish(*range(10))
    assert turns_until_it_waits(kernel, monkeypatch) == 4
    assert kernel.standing("first") == 10


def test_the_relay_looks_again_before_it_waits_where_something_was_merged(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernel.use(small_topology(max_open=1))
    for number in range(3):
        kernel.publish(number)
        kernel.relay.turn()
    kernel.work("first")
    assert turns_until_it_waits(kernel, monkeypatch) == 2
    assert kernel.standing("first") == 1


def test_the_relay_looks_again_before_it_waits_where_there_was_no_room(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A place may come free while the turn is under way, and whoever frees it sees nobody wait."""
    kernel.use(small_topology(max_open=1))
    kernel.publish(1)
    kernel.relay.turn()
    kernel.publish(2)
    assert turns_until_it_waits(kernel, monkeypatch) == 2


def test_only_a_turn_does_not_wait_for_the_disk_and_not_soon_after_an_outage(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def waits_for_the_disk() -> bool:
        with connection.cursor() as cursor:
            cursor.execute("SHOW synchronous_commit")
            return bool(cursor.fetchall() == [("on",)])

    def note(*, limit: int) -> routing.Routed:
        seen.append(waits_for_the_disk())
        if len(seen) == 1:
            raise OperationalError("Postgres is away")
        return routing.Routed(0, 0, {})

    seen: list[bool] = []
    monkeypatch.setattr(routing, "route_messages", note)
    turns_until_it_waits(kernel, monkeypatch)
    assert seen == [False, True]
    kernel.another_relay().turn()
    assert seen == [False, True, False]
    assert waits_for_the_disk()


def test_a_relay_that_has_sent_all_that_it_found_waits_for_the_next_call(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernel.publish(1)
    assert turns_until_it_waits(kernel, monkeypatch) == 1
    assert kernel.standing("first") == 1


def test_a_relay_that_is_called_while_it_is_at_work_rests_before_it_goes_on(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given three turns with work: the first uncalled for, each of them called in again."""
    rests: list[float] = []
    left = [1, 2, 3]
    take_turn = kernel.relay.turn

    def turn() -> bool:
        if left:
            kernel.publish(left.pop())
        else:
            kernel.relay.stop()
        return take_turn()

    def rest(*, worked: float) -> None:
        rests.append(worked)

    kernel.relay._wakeups.wait(seconds=0)
    monkeypatch.setattr(kernel.relay, "turn", turn)
    monkeypatch.setattr(kernel.relay, "_rest", rest)
    kernel.relay.run()

    assert len(rests) == 2
    assert all(seconds > 0 for seconds in rests)
    assert not Unrouted.objects.exists()


def test_a_relay_that_found_no_place_for_all_rests_before_it_looks_again(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    rests: list[float] = []
    monkeypatch.setattr(kernel.relay, "_rest", lambda *, worked: rests.append(worked))
    kernel.use(small_topology(batch_items=1, max_open=2))
    kernel.publish(1, 2, 3)
    assert turns_until_it_waits(kernel, monkeypatch) == 2
    assert len(rests) == 1


def test_a_relay_does_not_rest_while_a_backlog_waits_to_be_routed(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given ten messages and turns of three: the fourth alone finds no more than it may take."""
    unrouted_at_rests: list[int] = []
    few = dataclasses.replace(kernel_settings(), routing_batch=3)
    monkeypatch.setattr(loop, "kernel_settings", lambda: few)
    monkeypatch.setattr(
        kernel.relay,
        "_rest",
        lambda *, worked: unrouted_at_rests.append(Unrouted.objects.count()),
    )
    kernel.use(small_topology(batch_items=1, max_open=100))
    kernel.publish(*range(10))
    assert turns_until_it_waits(kernel, monkeypatch) == 4
    assert unrouted_at_rests == [0]


def test_a_rest_follows_the_turn_and_has_a_longest(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    kernel.relay._rest(worked=0.01)
    kernel.relay._rest(worked=10.0)
    assert slept == [loop.REST_TIMES * 0.01, loop.LONGEST_REST_SECONDS]


def test_a_relay_that_had_to_wait_for_its_work_does_not_rest(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    rests: list[float] = []
    left = [1, 2, 3]
    wait = kernel.relay._wakeups.wait

    def wait_while_someone_publishes(*, seconds: float) -> bool:
        if not left:
            kernel.relay.stop()
            return False
        with ThreadPoolExecutor() as elsewhere:
            elsewhere.submit(publish_soon, left.pop())
            return wait(seconds=5)

    def publish_soon(number: int) -> None:
        time.sleep(0.1)
        kernel.publish(number)
        connection.close()

    monkeypatch.setattr(kernel.relay._wakeups, "wait", wait_while_someone_publishes)
    monkeypatch.setattr(kernel.relay, "_rest", lambda *, worked: rests.append(worked))
    kernel.relay.run()

    assert rests == []
    assert not Unrouted.objects.exists()


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


def test_a_copy_that_redis_took_after_all_closes_only_what_it_holds(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def put_and_lose_the_reply(delivery: wire.Delivery, **where: str) -> None:
        put(delivery, **where)
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
