"""Purge: what is old and finished goes; what anybody still needs stays, however old."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.db.models import F

from wildrydes import publishing, purging, replay
from wildrydes.dead_letters import canary
from wildrydes.models import Dispatch, Message, Receipt, Request, Unrouted

from .conftest import Do, Kernel

YEAR = timedelta(days=365)


def age_messages(by: timedelta) -> None:
    """Make every message older. Nobody else can: the log is append-only."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("UPDATE wildrydes_message SET published_at = published_at - %s", [by])


def age_receipts(by: timedelta) -> None:
    Receipt.objects.update(
        received_at=F("received_at") - by,
        done_at=F("done_at") - by,
        last_failed_at=F("last_failed_at") - by,
    )


def age(by: timedelta = YEAR) -> None:
    age_messages(by)
    age_receipts(by)


def purge(**options: Any) -> dict[str, Any]:
    """Run the command; return what it counted, without the time that it took."""
    out = StringIO()
    call_command("purge", json=True, stdout=out, **options)
    counted: dict[str, Any] = json.loads(out.getvalue())
    assert counted.pop("seconds") >= 0
    return counted


def finish(kernel: Kernel, *numbers: int) -> list[UUID]:
    """Publish and handle; return the messages' ids."""
    ids = kernel.publish(*numbers)
    kernel.run_until_quiet()
    return ids


def test_what_is_old_and_done_goes_with_its_receipts_and_the_rest_stays(kernel: Kernel) -> None:
    finish(kernel, 1, 10, 11)
    age()
    young = finish(kernel, 2)
    assert purge() == {"messages": 3, "receipts": 5, "kept": 0, "sagas": 0, "dry_run": False}
    assert [message.id for message in Message.objects.all()] == young
    assert [receipt.message_id for receipt in Receipt.objects.all()] == young
    assert purge() == {"messages": 0, "receipts": 0, "kept": 0, "sagas": 0, "dry_run": False}


def test_a_dry_run_counts_and_changes_nothing(kernel: Kernel) -> None:
    finish(kernel, 1, 10)
    age()
    assert purge(dry_run=True) == {
        "messages": 2,
        "receipts": 3,
        "kept": 0,
        "sagas": 0,
        "dry_run": True,
    }
    assert (Message.objects.count(), Receipt.objects.count()) == (2, 3)


@pytest.mark.parametrize("size", [1, 2, 1000])
def test_batches_of_any_size_come_to_the_same(kernel: Kernel, size: int) -> None:
    finish(kernel, 1, 2, 3, 4, 5)
    age()
    steps = list(purging.purge(batch_size=size))
    assert (steps[-1].messages, steps[-1].receipts) == (5, 5)
    assert not Message.objects.exists()


def test_what_was_broken_off_is_gone_on_with(kernel: Kernel) -> None:
    finish(kernel, 1, 2, 3)
    age()
    next(purging.purge(batch_size=1))
    assert Message.objects.count() == 2
    assert purge()["messages"] == 2


def unrouted(kernel: Kernel) -> None:
    kernel.publish(1)


def dispatched(kernel: Kernel) -> None:
    kernel.publish(1)
    kernel.relay.turn()


def retrying(kernel: Kernel) -> None:
    kernel.fails = {1}
    kernel.publish(1)
    kernel.relay.turn()
    kernel.work("first")


def parked(kernel: Kernel) -> None:
    finish(kernel, 1)
    Receipt.objects.update(status="parked", done_at=None)


def dead(kernel: Kernel) -> None:
    kernel.fails = {1}
    finish(kernel, 1)


def replayed(kernel: Kernel) -> None:
    finish(kernel, 1)
    now = replay.database_now()
    chosen = replay.Selection(
        subscription="first.record", since=now - YEAR, until=now, again=True, done_before=now
    )
    list(replay.replay(chosen, by="tester"))


def waiting_for_an_answer(kernel: Kernel) -> None:
    (message_id,) = finish(kernel, 1)
    Request.objects.create(
        id=message_id,
        type="v1.test.do",
        reply_to="first.answered",
        correlation_id="",
        deadline=replay.database_now() + YEAR,
    )


def in_a_redrive(kernel: Kernel) -> None:
    dead(kernel)
    letter = Receipt.objects.get(status="dead")
    canary.start(ids=[letter.id], by="tester")
    Receipt.objects.update(status="done")


@pytest.mark.parametrize(
    "need",
    [
        unrouted,
        dispatched,
        retrying,
        parked,
        dead,
        replayed,
        waiting_for_an_answer,
        in_a_redrive,
    ],
)
def test_what_somebody_needs_stays_however_old(
    kernel: Kernel, need: Callable[[Kernel], None]
) -> None:
    need(kernel)
    age()
    receipts = Receipt.objects.count()
    assert purge() == {"messages": 0, "receipts": 0, "kept": 1, "sagas": 0, "dry_run": False}
    assert (Message.objects.count(), Receipt.objects.count()) == (1, receipts)


def test_what_a_service_keeps_stays_until_it_lets_go_of_it(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, _ = finish(kernel, 1, 2)
    age()
    with monkeypatch.context() as patched:
        patched.setattr(purging, "_keeps", [])
        for _ in range(2):
            purging.keep(ids=f"SELECT '{kept}'::uuid")
        assert purge(dry_run=True)["kept"] == 1
        assert (purge()["messages"], purge()["kept"]) == (1, 1)
        assert list(purging.removable(older_than=purging.DEFAULT_AGE)) == []
    assert [message.id for message in Message.objects.all()] == [kept]
    assert purge()["messages"] == 1


def test_an_old_message_that_was_done_lately_stays_with_its_receipt(kernel: Kernel) -> None:
    finish(kernel, 1)
    age_messages(YEAR)
    assert purge()["kept"] == 1
    assert (Message.objects.count(), Receipt.objects.count()) == (1, 1)


def test_the_old_receipt_of_a_message_that_is_still_there_stays(kernel: Kernel) -> None:
    finish(kernel, 1)
    age_receipts(YEAR)
    assert purge()["receipts"] == 0
    assert Receipt.objects.count() == 1


def test_old_receipts_of_messages_from_elsewhere_go_when_they_are_finished(kernel: Kernel) -> None:
    kernel.fails = {2}
    finish(kernel, 1, 2)
    for receipt in Receipt.objects.all():
        Receipt.objects.filter(id=receipt.id).update(message_id=uuid4())
    age_receipts(YEAR)
    assert purge()["receipts"] == 1
    assert [receipt.status for receipt in Receipt.objects.all()] == ["dead"]


def test_a_discarded_dead_letter_is_finished(kernel: Kernel) -> None:
    dead(kernel)
    letter = Receipt.objects.get(status="dead")
    call_command("dead_letters", "discard", str(letter.id), reason="a test", stdout=StringIO())
    age()
    assert purge()["messages"] == 1
    assert not Receipt.objects.exists()


def test_a_delayed_message_stays(kernel: Kernel) -> None:
    with transaction.atomic():
        publishing.send(Do(1), not_before=replay.database_now() + YEAR)
    age()
    Unrouted.objects.filter(due_at__gt=replay.database_now()).get()
    assert purge()["kept"] == 1


def test_the_age_counts_from_the_moment_that_was_asked_for(kernel: Kernel) -> None:
    finish(kernel, 1)
    age(timedelta(days=40))
    assert purge()["messages"] == 0
    assert purge(older_than="41d")["messages"] == 0
    assert purge(older_than="39d")["messages"] == 1
    assert not Dispatch.objects.exists()


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"older_than": "soon"}, "--older-than: 'soon' is not an age"),
        ({"older_than": ""}, "--older-than: '' is not an age"),
        ({"older_than": "-3d"}, "--older-than: '-3d' is not an age"),
        ({"older_than": "9999999999d"}, "too long ago"),
        ({"older_than": "23h"}, "may still be delivered again"),
        ({"batch_size": 0}, "at least 1"),
    ],
)
def test_nonsense_is_refused(kernel: Kernel, options: dict[str, Any], complaint: str) -> None:
    with pytest.raises(CommandError, match=complaint):
        purge(**options)


def test_it_tells_a_person_what_went(kernel: Kernel) -> None:
    finish(kernel, 1)
    age()
    out = StringIO()
    call_command("purge", older_than="90d", stdout=out)
    assert out.getvalue().startswith("1 messages, 1 receipts and 0 sagas gone; 0 old messages stay")
