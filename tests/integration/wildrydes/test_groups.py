"""Message groups: inside a group effects happen in order; groups do not wait for each other."""

from __future__ import annotations

import random
import threading
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.db.models import F

from wildrydes import publishing
from wildrydes.consumer import consume, groups
from wildrydes.consumer.consuming import STARTS_AT_MOST
from wildrydes.models import Dispatch, Receipt
from wildrydes.retry import RetryPolicy

from .conftest import Happened, Kernel, small_topology

FIFO = {"fifo": True}


@pytest.fixture
def fifo(kernel: Kernel) -> Kernel:
    kernel.use(small_topology(first=FIFO, max_open=8, batch_items=3))
    return kernel


def in_group(kernel: Kernel, start: int) -> list[int]:
    """Return the effects of the group whose numbers begin at `start` (0, 100, 200 …)."""
    return [number for number in kernel.sequence() if start <= number < start + 100]


def test_effects_of_a_group_are_in_the_order_of_publication(fifo: Kernel) -> None:
    for number in range(20):
        fifo.publish(number, group="a")
        fifo.publish(100 + number, group="b")
    fifo.run_until_quiet()
    assert in_group(fifo, 0) == list(range(20))
    assert in_group(fifo, 100) == list(range(100, 120))


def test_of_one_group_only_one_dispatch_is_open_at_a_time(fifo: Kernel) -> None:
    fifo.publish(1, 2, 3, 4, 5, group="a")
    fifo.publish(101, group="b")
    for _ in range(3):
        fifo.relay.turn()
    held = Dispatch.objects.filter(queue="first", sent_at__isnull=False).values_list("groups")
    assert sorted(group for (names,) in held for group in names) == ["a", "b"]


def test_a_message_that_fails_parks_the_later_ones_of_its_group_only(fifo: Kernel) -> None:
    fifo.fails = {2}
    fifo.publish(1, 2, 3, group="a")
    fifo.publish(101, 102, group="b")
    fifo.run_until_quiet()
    assert in_group(fifo, 0) == [1]
    assert in_group(fifo, 100) == [101, 102]
    statuses = dict(
        Receipt.objects.filter(subscription="first.record").values_list("position", "status")
    )
    assert [statuses[key] for key in sorted(statuses)] == ["done", "dead", "parked", "done", "done"]


def test_messages_that_arrive_later_wait_behind_a_dead_one_too(fifo: Kernel) -> None:
    fifo.fails = {1}
    fifo.publish(1, group="a")
    fifo.run_until_quiet()
    fifo.publish(2, group="a")
    fifo.publish(101, group="b")
    fifo.run_until_quiet()
    assert fifo.sequence() == [101]
    assert Receipt.objects.get(status="parked").message is not None


def test_when_the_message_in_the_way_succeeds_the_parked_ones_follow_in_order(
    fifo: Kernel,
) -> None:
    patient = RetryPolicy(max_attempts=1000, first=timedelta(milliseconds=1))
    fifo.use(small_topology(first={"fifo": True, "retry": patient}))
    fifo.fails = {1}
    fifo.publish(1, group="a")
    fifo.relay.turn()
    fifo.work("first")
    for number in range(2, 12):
        fifo.publish(number, group="a")
        fifo.relay.turn()
        fifo.work("first")
    fifo.fails = set()
    fifo.run_until_quiet()
    assert fifo.sequence() == list(range(1, 12))
    assert not Receipt.objects.exclude(status="done").exists()


def test_a_redriven_message_goes_ahead_of_newer_ones(fifo: Kernel) -> None:
    fifo.fails = {1}
    fifo.publish(1, 2, 3, group="a")
    fifo.run_until_quiet()
    fifo.publish(4, group="a")
    fifo.fails = set()
    Receipt.objects.filter(status="dead").update(
        status="retrying", attempts=0, next_attempt_at=F("received_at")
    )
    fifo.run_until_quiet()
    assert fifo.sequence() == [1, 2, 3, 4]


def test_a_group_goes_on_behind_a_dead_message_where_the_policy_says_so(kernel: Kernel) -> None:
    kernel.use(small_topology(first={"fifo": True, "on_dead": "skip"}))
    kernel.fails = {1}
    kernel.publish(1, 2, 3, group="a")
    kernel.run_until_quiet()
    assert kernel.sequence() == [2, 3]


def test_a_group_goes_on_behind_a_message_that_kills_its_workers(kernel: Kernel) -> None:
    kernel.use(small_topology(first={"fifo": True, "on_dead": "skip"}))
    kernel.fails = {1}
    kernel.publish(1, 2, group="a")
    kernel.relay.turn()
    kernel.work("first")
    Receipt.objects.filter(status="retrying").update(
        next_attempt_at=F("received_at") - timedelta(hours=1), starts=STARTS_AT_MOST
    )
    kernel.relay.turn()
    body = kernel.take("first")
    assert body is not None
    assert consume(subscription="first.record", body={**body, "attempt": 3}).dead == 1
    kernel.run_until_quiet()
    assert kernel.sequence() == [2]


def test_releasing_a_group_lets_the_parked_messages_go(fifo: Kernel) -> None:
    fifo.fails = {1}
    fifo.publish(1, 2, group="a")
    fifo.run_until_quiet()
    with transaction.atomic():
        assert groups.release(subscription="first.record", groups=["a"]) == 0
        Receipt.objects.filter(status="dead").update(status="dropped")
        assert groups.release(subscription="first.record", groups=["a"]) == 1
    fifo.run_until_quiet()
    assert fifo.sequence() == [2]


def test_a_lost_dispatch_and_its_copies_do_not_disturb_the_order(fifo: Kernel) -> None:
    chance = random.Random(7)
    for number in range(30):
        fifo.publish(number, group="a")
        fifo.another_relay().turn()
        body = fifo.take("first")
        if body is None:
            continue
        if chance.random() < 0.3:
            Dispatch.objects.update(lease_until=F("lease_until") - timedelta(days=1))
            continue
        for _ in range(chance.randint(1, 3)):
            consume(subscription="first.record", body=body)
    Dispatch.objects.update(lease_until=F("lease_until") - timedelta(days=1))
    fifo.relay = fifo.another_relay()
    fifo.run_until_quiet()
    assert fifo.sequence() == list(range(30))


def test_two_workers_with_copies_of_a_delivery_keep_the_order(fifo: Kernel) -> None:
    fifo.publish(1, 2, 3, group="a")
    fifo.relay.turn()
    body = fifo.take("first")
    assert body is not None

    def work() -> None:
        consume(subscription="first.record", body=body)
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert fifo.sequence() == [1, 2, 3]


def test_positions_of_a_group_are_in_the_order_of_the_commits(fifo: Kernel) -> None:
    first_is_stored, second_may_not_pass = threading.Event(), threading.Event()
    finished: list[int] = []

    def publish_slowly() -> None:
        with transaction.atomic():
            publishing.publish(Happened(1), group_id="a")
            first_is_stored.set()
            second_may_not_pass.wait(timeout=1)
            finished.append(1)
        connection.close()

    thread = threading.Thread(target=publish_slowly)
    thread.start()
    assert first_is_stored.wait(timeout=10)
    fifo.publish(2, group="a")
    finished.append(2)
    second_may_not_pass.set()
    thread.join(timeout=10)
    fifo.run_until_quiet()
    assert fifo.sequence() == [1, 2]
    assert finished == [1, 2]
