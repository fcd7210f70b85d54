"""Timer: the clock gives each scheduled command once for each full interval."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from wildrydes import schedules, subscriptions, topology
from wildrydes.models import Message
from wildrydes.schedules import Timer
from wildrydes.topology import Schedule

from .conftest import Kernel, small_topology

EVERY = timedelta(minutes=10)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Clock:
    """The database's clock, as far as these tests set it."""

    now = NOON


@pytest.fixture
def clock(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Return a clock that stands, with a command that is scheduled by it."""
    clock = Clock()
    kernel.use(replace(small_topology(), schedules=(Schedule(command="v1.test.do", every=EVERY),)))
    monkeypatch.setattr(schedules, "_now", lambda: clock.now)
    return clock


def sent() -> list[str]:
    return [message.data["due_at"] for message in Message.objects.order_by("position")]


def test_a_command_is_sent_at_each_full_interval_and_once_for_it(clock: Clock) -> None:
    timer = Timer()
    for minutes in range(35):
        clock.now = NOON + timedelta(minutes=minutes, seconds=7)
        timer.send_due()

    assert sent() == [(NOON + number * EVERY).isoformat() for number in (1, 2, 3)]
    assert Message.objects.first().kind == "command"  # type: ignore[union-attr]


def test_of_many_relays_one_sends_it(clock: Clock) -> None:
    timers = [Timer() for _ in range(3)]
    for moment in (NOON, NOON + EVERY):
        clock.now = moment
        for timer in timers:
            timer.send_due()

    assert sent() == [(NOON + EVERY).isoformat()]


def test_a_relay_that_starts_between_two_moments_waits_for_the_next(clock: Clock) -> None:
    clock.now = NOON + EVERY / 2
    Timer().send_due()

    assert sent() == []


def test_where_the_handler_is_not_installed_nothing_is_sent(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscriptions, "_bindings", {})
    timer = Timer()
    for clock.now in (NOON, NOON + EVERY):
        timer.send_due()

    assert topology.current().schedules
    assert sent() == []


@pytest.mark.usefixtures("kernel")
def test_the_clock_is_the_databases() -> None:
    assert schedules._now().tzinfo is not None
