"""A topology that has changed: nothing that was stored under the old one stops or is lost."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

import pytest
from django.db import transaction
from django.db.models import F

from wildrydes import doctor, publishing
from wildrydes.models import Dispatch, Message, Receipt, Unrouted
from wildrydes.relay import homes
from wildrydes.topology import Queue, Topology

from .conftest import Do, Kernel, small_topology

ELSEWHERE = "elsewhere"


def without(name: str) -> Topology:
    """Return the small topology without one of its subscriptions."""
    whole = small_topology()
    others = tuple(entry for entry in whole.subscriptions if entry.name != name)
    return dataclasses.replace(whole, subscriptions=others)


def moved(**first: object) -> Topology:
    """Return the small topology with the first subscription on a queue of another name."""
    whole = small_topology(first={"queue": ELSEWHERE, **first})
    _, second = whole.queues
    return dataclasses.replace(whole, queues=(Queue(name=ELSEWHERE), second))


def let_retries_be_due() -> None:
    """Pretend that everybody who waits to be tried again has waited long enough."""
    Receipt.objects.update(next_attempt_at=F("next_attempt_at") - timedelta(hours=1))


def let_messages_be_due() -> None:
    """Pretend that what is looked at again later has waited long enough."""
    Unrouted.objects.update(due_at=F("due_at") - timedelta(hours=1))


def left_behind() -> dict[str, int]:
    """Return what the doctor says was left behind, by subscription."""
    found = {finding.name: finding for finding in doctor.examine()}
    return dict(found["left behind"].by_subscription)


def test_a_retry_of_a_subscription_that_is_gone_holds_nobody_up(kernel: Kernel) -> None:
    kernel.fails.add(10)
    kernel.publish(10)
    kernel.relay.turn()
    kernel.work("first")
    kernel.fails.clear()
    let_retries_be_due()
    kernel.use(without("first.record"))
    kernel.publish(11)
    kernel.run_relay()
    kernel.work("second")
    assert kernel.effects() == {("second", 10): 1, ("second", 11): 1}
    assert left_behind() == {"first.record": 1}
    kernel.use(small_topology())
    let_retries_be_due()
    kernel.run_until_quiet()
    assert kernel.effects()["first", 10] == 1
    assert left_behind() == {}


@pytest.mark.parametrize("is_open", [False, True])
def test_a_dispatch_of_a_subscription_that_is_gone_waits_until_it_is_back(
    kernel: Kernel, is_open: bool
) -> None:
    kernel.use(small_topology(max_open=1, batch_items=1))
    kernel.publish(*range(3))
    kernel.relay.turn()
    kernel.take("first")
    if not is_open:
        Dispatch.objects.filter(sent_at__isnull=False).delete()
    kernel.use(without("first.record"))
    kernel.publish(10)
    kernel.let_leases_lapse()
    kernel.run_relay()
    kernel.work("second")
    assert kernel.effects() == {("second", 10): 1}
    homes.settle()
    assert left_behind() == {"first.record": 3 if is_open else 2}
    assert not Dispatch.objects.filter(queue="", sent_at__isnull=False).exists()
    kernel.use(small_topology())
    homes.settle()
    kernel.run_until_quiet()
    done = {number for name, number in kernel.effects() if name == "first"}
    assert done == ({0, 1, 2} if is_open else {1, 2})
    assert left_behind() == {}


def test_what_waits_and_what_was_sent_goes_to_the_subscription_s_new_queue(kernel: Kernel) -> None:
    kernel.use(small_topology(max_open=1, batch_items=1))
    kernel.publish(*range(3))
    kernel.relay.turn()
    kernel.use(moved())
    homes.settle()
    for _ in range(3):
        kernel.let_leases_lapse()
        kernel.run_relay()
        kernel.work(ELSEWHERE)
    assert kernel.sequence() == [0, 1, 2]
    assert not Dispatch.objects.exists()


def test_a_group_keeps_its_order_when_its_subscription_moves(kernel: Kernel) -> None:
    kernel.use(small_topology(first={"fifo": True}))
    kernel.publish(1, group="g")
    kernel.relay.turn()
    kernel.use(moved(fifo=True))
    homes.settle()
    kernel.publish(2, group="g")
    kernel.relay.turn()
    assert kernel.standing(ELSEWHERE) == 0
    kernel.work("first")
    kernel.relay.turn()
    kernel.work(ELSEWHERE)
    assert kernel.sequence() == [1, 2]


def test_what_is_parked_goes_on_where_no_order_is_kept_any_more(kernel: Kernel) -> None:
    kernel.use(small_topology(first={"fifo": True}))
    kernel.fails.add(1)
    kernel.publish(1, 2, group="g")
    while Receipt.objects.filter(status="dead").count() == 0:
        let_retries_be_due()
        kernel.relay.turn()
        kernel.work("first")
    assert Receipt.objects.get(status="parked").message_id == Message.objects.last().id
    kernel.use(small_topology())
    homes.settle()
    kernel.run_until_quiet()
    assert kernel.sequence() == [2]


def test_a_command_that_nobody_takes_waits_for_who_will_and_is_found(kernel: Kernel) -> None:
    with transaction.atomic():
        publishing.send(Do(7))
    kernel.use(without("second.do"))
    assert kernel.relay.turn()
    assert not kernel.relay.turn()
    let_messages_be_due()
    kernel.relay.turn()
    found = {finding.name: finding for finding in doctor.examine()}
    assert found["untaken commands"].by_subscription == {Do.TYPE: 1}
    assert found["untaken commands"].wrong
    assert not found["unrouted"].wrong
    kernel.use(small_topology())
    let_messages_be_due()
    kernel.run_until_quiet()
    assert kernel.effects() == {("do", 7): 1}
