"""Message Deduplication: what is published twice within the window is stored once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID

import pytest
from django.db import connection, transaction
from django.db.models import F

from wildrydes import deduplication, publishing
from wildrydes.errors import PublishError
from wildrydes.models import Deduplication, Message
from wildrydes.publishing import SAME_CONTENT, Outgoing

from .conftest import Do, Happened, Kernel


def publish(number: int, *, key: deduplication.DeduplicationId, subject: str = "") -> UUID:
    """Publish one event in a transaction of its own."""
    with transaction.atomic():
        return publishing.publish(Happened(number), subject=subject, deduplication_id=key)


def let_the_window_pass() -> None:
    """Pretend that every deduplication id was taken a day earlier."""
    Deduplication.objects.update(expires_at=F("expires_at") - timedelta(days=1))


def test_a_duplicate_stores_nothing_and_returns_the_id_of_the_first(kernel: Kernel) -> None:
    first = publish(1, key="ride-7")
    assert publish(2, key="ride-7") == first
    assert Message.objects.get().data == {"number": 1}
    kernel.relay.turn()
    kernel.work("first")
    assert kernel.effects() == {("first", 1): 1}


def test_other_ids_and_other_types_are_no_duplicates(kernel: Kernel) -> None:
    publish(1, key="a")
    publish(1, key="b")
    with transaction.atomic():
        publishing.send(Do(1), deduplication_id="a")
    publish(1, key="")
    publish(1, key="")
    assert Message.objects.count() == 5


def test_after_the_window_the_id_is_free_again(kernel: Kernel) -> None:
    first = publish(1, key="a")
    let_the_window_pass()
    second = publish(2, key="a")
    assert second != first
    assert publish(3, key="a") == second


def test_the_window_begins_with_the_first_and_is_not_made_longer_by_duplicates(
    kernel: Kernel,
) -> None:
    publish(1, key="a")
    before = Deduplication.objects.get().expires_at
    publish(1, key="a")
    assert Deduplication.objects.get().expires_at == before
    window = before - Message.objects.get().published_at
    assert timedelta(minutes=5) <= window < timedelta(minutes=5, seconds=10)


def test_a_rollback_frees_the_id(kernel: Kernel) -> None:
    with transaction.atomic():
        publishing.publish(Happened(1), deduplication_id="a")
        transaction.set_rollback(True)
    publish(2, key="a")
    assert Message.objects.get().data == {"number": 2}


def test_a_rollback_to_a_savepoint_frees_the_id(kernel: Kernel) -> None:
    with transaction.atomic():
        with transaction.atomic():
            publishing.publish(Happened(1), deduplication_id="a")
            transaction.set_rollback(True)
        publishing.publish(Happened(2), deduplication_id="a")
    assert Message.objects.get().data == {"number": 2}


def test_duplicates_in_one_call_are_found_too(kernel: Kernel) -> None:
    with transaction.atomic():
        ids = publishing.publish_all(
            [
                Outgoing(body=Happened(number), deduplication_id=key)
                for number, key in enumerate(["a", "b", "a", "", ""])
            ]
        )
    assert ids[2] == ids[0]
    assert len(set(ids)) == 4
    numbers = Message.objects.order_by("position").values_list("data__number", flat=True)
    assert list(numbers) == [0, 1, 3, 4]


def test_the_same_content_is_a_duplicate_where_that_is_asked_for(kernel: Kernel) -> None:
    first = publish(1, key=SAME_CONTENT)
    assert publish(1, key=SAME_CONTENT) == first
    assert publish(2, key=SAME_CONTENT) != first
    assert publish(1, key=SAME_CONTENT, subject="another ride") != first
    assert Message.objects.count() == 3


def test_publishers_at_once_store_one_message_and_all_learn_its_id(kernel: Kernel) -> None:
    together = threading.Barrier(8)

    def publish_one(number: int) -> UUID:
        together.wait(timeout=10)
        try:
            return publish(number, key="a")
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=8) as pool:
        ids = set(pool.map(publish_one, range(8)))
    assert ids == {Message.objects.get().id}


def test_whoever_comes_second_waits_and_goes_ahead_if_the_first_rolls_back(kernel: Kernel) -> None:
    second: list[UUID] = []

    def publish_second() -> None:
        second.append(publish(2, key="a"))
        connection.close()

    thread = threading.Thread(target=publish_second)
    with transaction.atomic():
        publishing.publish(Happened(1), deduplication_id="a")
        thread.start()
        thread.join(timeout=0.3)
        assert thread.is_alive()
        transaction.set_rollback(True)
    thread.join(timeout=10)
    assert Message.objects.get().id == second[0]


def test_an_id_that_is_too_long_is_refused(kernel: Kernel) -> None:
    with pytest.raises(PublishError, match="may have 200 characters"):
        publish(1, key="x" * 201)


def test_what_is_out_of_date_is_purged_and_the_rest_is_kept(kernel: Kernel) -> None:
    for number in range(3):
        publish(number, key=f"old-{number}")
    let_the_window_pass()
    publish(9, key="new")
    assert deduplication.purge(limit=2) == 2
    assert deduplication.purge() == 1
    assert [item.deduplication_id for item in Deduplication.objects.all()] == ["new"]
