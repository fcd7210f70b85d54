"""Throttler: a limited queue hands out so much a second, and nothing is lost or out of order."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from time import monotonic

import pytest
from django.db import connection
from django.db.models import F, Sum
from django.test.utils import CaptureQueriesContext

from wildrydes import queue_limits, redis
from wildrydes.consumer import consume
from wildrydes.models import Dispatch, QueueLimit
from wildrydes.relay import Relay
from wildrydes.relay.wakeup import Wakeups

from .conftest import Kernel, asked, small_topology

HARDLY = 0.001


def fill() -> None:
    """Pretend that every bucket had the time to fill up."""
    QueueLimit.objects.update(refilled_at=F("refilled_at") - timedelta(days=1))


def seconds() -> float:
    """Return the database's time in seconds."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT extract(epoch FROM clock_timestamp())")
        return float(cursor.fetchone()[0])


def until(done: Callable[[], bool]) -> Iterator[None]:
    """Go on until something is so, for at most half a minute."""
    deadline = monotonic() + 30
    while not done():
        assert monotonic() < deadline, "it does not come to an end"
        yield


def waiting(queue: str = "first") -> int:
    """Return how many messages wait in Postgres for a queue."""
    waits = Dispatch.objects.filter(queue=queue, sent_at__isnull=True)
    return waits.aggregate(Sum("size"))["size__sum"] or 0


def sent(kernel: Kernel, queue: str = "first") -> list[int]:
    """Take all that stands in a queue; return the numbers of the messages."""
    bodies = iter(lambda: kernel.take(queue), None)
    return [event["data"]["number"] for body in bodies for event in body["messages"]]


def test_a_second_s_worth_goes_at_once_and_the_rest_waits_in_postgres(kernel: Kernel) -> None:
    kernel.use(small_topology(per_second=1.5))
    kernel.publish(*range(300))
    kernel.relay.turn()
    assert sent(kernel) == [0]
    assert waiting() == 299


def test_of_a_large_dispatch_goes_what_there_are_tokens_for(kernel: Kernel) -> None:
    kernel.use(small_topology(per_second=7))
    kernel.publish(*range(20))
    kernel.relay.turn()
    assert sent(kernel) == [0, 1, 2, 3, 4, 5, 6]
    assert waiting() == 13
    weights = Dispatch.objects.filter(queue="first").values_list("size", "weight").order_by("size")
    assert [size for size, _ in weights] == [7, 13]
    assert all(weight > 0 for _, weight in weights)


def test_over_any_time_no_more_goes_than_the_limit_and_nothing_is_lost(kernel: Kernel) -> None:
    kernel.use(small_topology(per_second=100))
    kernel.publish(*range(300))
    started = seconds()
    for _ in until(lambda: len(kernel.sequence()) == 300):
        kernel.relay.turn()
        kernel.work("first")
        assert len(kernel.sequence()) <= 100 + 100 * (seconds() - started)
    assert set(kernel.effects().values()) == {1}
    assert kernel.sequence() == list(range(300))


def test_a_limit_is_one_for_all_relays(kernel: Kernel) -> None:
    kernel.use(small_topology(per_second=100))
    kernel.publish(*range(300))
    enough, started = threading.Event(), seconds()

    def relay_on() -> None:
        with Relay() as relay:
            while not enough.is_set():
                relay.turn()
        connection.close()

    with ThreadPoolExecutor(3) as pool:
        running = [pool.submit(relay_on) for _ in range(3)]
        try:
            for _ in until(lambda: len(kernel.sequence()) == 300):
                kernel.work("first")
                assert len(kernel.sequence()) <= 100 + 100 * (seconds() - started)
        finally:
            enough.set()
        for future in running:
            future.result()
    assert set(kernel.effects().values()) == {1}


def test_other_queues_are_not_held_up(kernel: Kernel) -> None:
    queue_limits.limit(queue="first", per_second=HARDLY, by="ada")
    kernel.publish(*range(10, 30))
    kernel.relay.turn()
    assert sent(kernel, "first") == []
    assert sent(kernel, "second") == list(range(10, 30))


def test_in_the_order_of_each_group(kernel: Kernel) -> None:
    kernel.use(small_topology(first={"fifo": True}, per_second=60, batch_items=20))
    kernel.publish(*range(50), group="a")
    kernel.publish(*range(50, 100), group="b")
    for _ in until(lambda: len(kernel.sequence()) == 100):
        kernel.relay.turn()
        kernel.work("first")
    numbers = kernel.sequence()
    assert [number for number in numbers if number < 50] == list(range(50))
    assert [number for number in numbers if number >= 50] == list(range(50, 100))


def test_a_change_holds_from_the_next_claim_of_a_running_relay(kernel: Kernel) -> None:
    queue_limits.limit(queue="first", per_second=HARDLY, by="ada")
    kernel.publish(*range(20))
    kernel.relay.turn()
    assert waiting() == 20
    fill()
    kernel.relay.turn()
    assert waiting() == 19
    queue_limits.unlimit(queue="first", by="ada")
    kernel.relay.turn()
    assert (waiting(), len(sent(kernel))) == (0, 20)


def test_what_an_operator_says_holds_instead_of_the_topology_until_it_is_restored(
    kernel: Kernel,
) -> None:
    kernel.use(small_topology(per_second=HARDLY))
    assert queue_limits.in_force() == {"first": HARDLY, "second": HARDLY}
    queue_limits.unlimit(queue="first", by="ada")
    assert queue_limits.in_force() == {"second": HARDLY}
    kernel.publish(*range(5))
    kernel.relay.turn()
    assert waiting() == 0
    queue_limits.restore(queue="first", by="ada")
    assert queue_limits.in_force() == {"first": HARDLY, "second": HARDLY}
    kernel.publish(*range(5))
    fill()
    kernel.relay.turn()
    assert waiting() == 4


def test_a_clock_that_goes_back_holds_nothing_up(kernel: Kernel) -> None:
    kernel.use(small_topology(per_second=HARDLY))
    kernel.publish(*range(3))
    kernel.relay.turn()
    QueueLimit.objects.update(refilled_at=F("refilled_at") + timedelta(hours=1))
    kernel.relay.turn()
    assert sent(kernel) == [0, 1]
    kernel.relay.turn()
    assert waiting() == 1


def test_what_is_sent_again_when_its_lease_lapsed_costs_no_token(kernel: Kernel) -> None:
    kernel.use(small_topology(per_second=HARDLY))
    kernel.publish(1)
    kernel.relay.turn()
    assert sent(kernel) == [1]
    kernel.let_leases_lapse()
    kernel.another_relay().turn()
    assert sent(kernel) == [1]


def test_a_late_copy_of_what_was_cut_meanwhile_closes_what_waits_and_doubles_nothing(
    kernel: Kernel,
) -> None:
    kernel.publish(*range(5))
    kernel.relay.turn()
    late = kernel.take("first")
    assert late is not None
    redis.client().flushall()
    kernel.use(small_topology(per_second=3))
    kernel.another_relay().turn()
    assert (kernel.standing("first"), waiting()) == (1, 2)
    consume(subscription=late["task"], body=late)
    assert waiting() == 0
    kernel.work("first")
    assert not Dispatch.objects.exists()
    assert kernel.sequence() == list(range(5))


def test_the_relay_wakes_when_tokens_come(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a token every eighth of a second, and a look at the leases every fourth."""
    kernel.use(small_topology(per_second=8, max_open=1000))
    kernel.publish(*range(1000))
    waits: list[float] = []

    def note(self: Wakeups, *, seconds: float) -> None:
        waits.append(seconds)
        kernel.relay.stop()

    monkeypatch.setattr(Wakeups, "wait", note)
    kernel.relay.run()
    assert waits
    assert waits[0] <= 0.125


def test_where_no_queue_is_limited_the_claim_is_the_only_statement_that_asks(
    kernel: Kernel,
) -> None:
    kernel.publish(*range(20))
    with CaptureQueriesContext(connection) as captured:
        kernel.relay.turn()
    asking = [sql for sql in asked(captured) if "wildrydes_queue_limit" in sql]
    assert len(asking) == 1
    assert asking[0].lstrip().startswith("SELECT dispatch.id")
    assert not QueueLimit.objects.exists()
