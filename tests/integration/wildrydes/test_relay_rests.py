"""When the relay looks again, when it rests, and when it waits to be called."""

from __future__ import annotations

import dataclasses
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import OperationalError, connection

from wildrydes.conf import kernel_settings
from wildrydes.models import Unrouted
from wildrydes.relay import loop, routing
from wildrydes.relay.wakeup import Wakeups

from .conftest import Kernel, small_topology


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
