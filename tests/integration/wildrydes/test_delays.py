"""Delayed and expiring messages: nothing goes out before its time, by the database's clock."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import connection, transaction

from wildrydes import publishing
from wildrydes.errors import PublishError
from wildrydes.models import Dispatch, Message, Receipt, Unrouted

from .conftest import Do, Happened, Kernel


def database_now() -> datetime:
    """Return the time as the database sees it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        now: datetime = cursor.fetchone()[0]
    return now


def publish_later(number: int, *, by: timedelta) -> datetime:
    """Publish one event that is due in so long; return when that is."""
    due = database_now() + by
    with transaction.atomic():
        publishing.publish(Happened(number), not_before=due)
    return due


def sent_at(*, within: float) -> datetime:
    """Wait for the first dispatch to be sent; return when it was, by the database's clock."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        dispatch = Dispatch.objects.filter(queue="first", sent_at__isnull=False).first()
        if dispatch is not None and dispatch.sent_at is not None:
            return dispatch.sent_at
        time.sleep(0.02)
    raise AssertionError(f"nothing was sent within {within} s")


def test_a_message_that_is_due_goes_out_within_a_second(kernel: Kernel) -> None:
    def run() -> None:
        with relay:
            relay.run()
        connection.close()

    relay = kernel.another_relay()
    thread = threading.Thread(target=run)
    thread.start()
    try:
        due = publish_later(1, by=timedelta(seconds=1.2))
        delay = sent_at(within=10) - due
    finally:
        relay.stop()
        thread.join(timeout=10)
    assert timedelta(0) <= delay < timedelta(seconds=1)


@pytest.mark.parametrize("jump", [timedelta(days=400), timedelta(days=-400)])
def test_a_process_whose_clock_jumps_sends_nothing_early_and_nothing_late(
    kernel: Kernel, jump: timedelta
) -> None:
    with time_machine.travel(datetime.now(UTC) + jump):
        due = publish_later(1, by=timedelta(seconds=0.4))
        kernel.relay.turn()
        assert database_now() < due
        assert kernel.standing("first") == 0
        while database_now() < due:
            pass
        kernel.relay.turn()
        kernel.work("first")
    assert kernel.effects() == {("first", 1): 1}


def test_later_messages_that_are_due_already_do_not_wait_for_one_that_is_not(
    kernel: Kernel,
) -> None:
    publish_later(1, by=timedelta(hours=1))
    kernel.publish(2)
    kernel.relay.turn()
    kernel.work("first")
    assert kernel.effects() == {("first", 2): 1}
    assert Unrouted.objects.count() == 1


def test_a_command_can_be_delayed_too(kernel: Kernel) -> None:
    later = database_now() + timedelta(hours=1)
    with transaction.atomic():
        publishing.send(Do(1), not_before=later)
    kernel.relay.turn()
    assert kernel.standing("second") == 0
    assert Unrouted.objects.get().due_at == later


def test_a_message_that_has_expired_is_let_go_of_with_the_reason(kernel: Kernel) -> None:
    expired = database_now() - timedelta(seconds=1)
    with transaction.atomic():
        publishing.publish(Happened(1), expires_at=expired)
        publishing.publish(Happened(2), expires_at=expired + timedelta(hours=1))
    kernel.relay.turn()
    kernel.work("first")
    assert kernel.effects() == {("first", 2): 1}
    receipt = Receipt.objects.get(message_id=Message.objects.get(data__number=1).id)
    assert receipt.status == "dropped"
    assert "expired at" in receipt.error


@pytest.mark.parametrize(
    ("not_before", "expires_at", "reason"),
    [
        (datetime(2030, 1, 1), None, "need a time zone"),  # noqa: DTZ001
        (None, datetime(2030, 1, 1), "need a time zone"),  # noqa: DTZ001
        (
            datetime(2030, 1, 2, tzinfo=UTC),
            datetime(2030, 1, 1, tzinfo=UTC),
            "would expire before it goes out",
        ),
    ],
)
def test_times_that_make_no_sense_are_refused(
    kernel: Kernel, not_before: datetime | None, expires_at: datetime | None, reason: str
) -> None:
    with pytest.raises(PublishError, match=reason), transaction.atomic():
        publishing.publish(Happened(1), not_before=not_before, expires_at=expires_at)
    assert not Message.objects.exists()
