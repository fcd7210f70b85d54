"""Pressure: how long what was accepted has waited, as a share of what is allowed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from django.db.models import F

from tests.acceptance.stage import wait_until
from tests.integration.wildrydes.conftest import Kernel, small_topology
from wildrydes import doctor
from wildrydes.front_door import admission, figures
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


def test_the_state_at_the_door_is_shown_with_each_buffer_that_waits(kernel: Kernel) -> None:
    kernel.use(impatient())
    quiet = admission.state()
    assert (quiet["buffers"], quiet["pressure"]) == ({}, pytest.approx(0.0, abs=0.1))
    let_a_message_wait(kernel, seconds=7)
    doctor.seen(worker="worker1", subscriptions=["first.record"])

    state = admission.state()

    assert set(state["buffers"]) == {"first"}
    buffer = state["buffers"]["first"]
    assert 7 <= buffer["age_seconds"] < 9
    assert (buffer["limit_seconds"], buffer["is_served"]) == (10, True)
    assert state["stages"] == {
        "early": {"refuses_from": 0.5, "refuses": True},
        "last": {"refuses_from": 1.0, "refuses": False},
    }


def test_what_the_door_of_this_process_refuses_is_shown(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A door opens later than it closed: it knows more than the pressure of this moment."""
    door = admission.Admission(guarded=("/",), refused_last=(), measure=lambda: 0.45)
    door.refuses["early"] = True
    door.look()
    monkeypatch.setattr(admission, "_door", door)
    assert admission.state()["stages"]["early"]["refuses"] is True


def test_the_figures_show_the_age_and_the_limit_of_each_queue(kernel: Kernel) -> None:
    kernel.use(impatient())
    let_a_message_wait(kernel, seconds=20)
    metrics = {metric.name: metric.samples for metric in figures.Figures().collect()}
    ages = {
        sample.labels["queue"]: sample.value
        for sample in metrics["wildrydes_queue_oldest_waiting_seconds"]
    }
    assert 20 <= ages["first"] < 25
    limits = metrics["wildrydes_queue_refuse_beyond_seconds"]
    assert [(sample.labels, sample.value) for sample in limits] == [({"queue": "first"}, 10)]
