"""Pressure: how long what was accepted has waited, as a share of what is allowed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from django.db.models import F

from tests.acceptance.stage import wait_until
from tests.integration.wildrydes.conftest import Kernel, small_topology
from wildrydes import doctor
from wildrydes.front_door import admission
from wildrydes.models import Dispatch
from wildrydes.topology import Topology


def impatient() -> Topology:
    """Return a topology in which nothing may wait in the queue `first` for over ten seconds."""
    small = small_topology(max_open=1)
    queues = tuple(
        replace(queue, refuse_beyond=timedelta(seconds=10)) if queue.name == "first" else queue
        for queue in small.queues
    )
    return replace(small, queues=queues)


def let_a_message_wait(kernel: Kernel, *, seconds: float) -> None:
    """Fill the one place of each queue, and let a second message wait for so long."""
    for number in (10, 11):
        kernel.publish(number)
        kernel.relay.turn()
    Dispatch.objects.filter(sent_at__isnull=True).update(
        created_at=F("created_at") - timedelta(seconds=seconds)
    )


def test_nothing_that_waits_is_no_pressure(kernel: Kernel) -> None:
    kernel.use(impatient())
    assert admission.pressure() == pytest.approx(0.0, abs=0.1)


def test_a_queue_whose_consumer_is_there_presses(kernel: Kernel) -> None:
    kernel.use(impatient())
    let_a_message_wait(kernel, seconds=20)
    doctor.seen(worker="worker1", subscriptions=["first.record"])
    assert 2.0 <= admission.pressure() < 4.0


def test_messages_for_a_subscriber_that_is_down_stop_nobody(kernel: Kernel) -> None:
    kernel.use(impatient())
    let_a_message_wait(kernel, seconds=3600)
    assert admission.pressure() < 1.0


def test_a_queue_without_a_limit_stops_nobody(kernel: Kernel) -> None:
    kernel.use(small_topology(max_open=1))
    let_a_message_wait(kernel, seconds=3600)
    doctor.seen(worker="worker1", subscriptions=["first.record", "second.record"])
    assert admission.pressure() < 1.0


def test_messages_that_no_relay_takes_up_press_ever_more(kernel: Kernel) -> None:
    kernel.publish(1)
    wait_until(lambda: admission.pressure() > 0.05, what="the age of the message shows")
    kernel.relay.turn()
    assert admission.pressure() == 0.0
