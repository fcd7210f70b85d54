"""The fare of a completed ride is one balanced entry, however its message arrives."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from apps.customer_accounting import queries
from apps.customer_accounting.models import JournalEntry, Posting
from apps.customer_accounting.subscriptions import record_fare
from wildrydes.envelope import Envelope
from wildrydes.models import new_id

pytestmark = pytest.mark.django_db

Make = Callable[..., Envelope]
Watch = Callable[[str, str], Callable[[], list[str]]]


def test_a_fare_is_owed_by_the_customer_and_earned_by_the_ride(ride_completed: Make) -> None:
    record_fare([ride_completed(customer="cmr", fare=256.5)])

    assert list(
        Posting.objects.order_by("account").values_list("account", "customer", "amount")
    ) == [
        ("customer_receivable", "cmr", Decimal("256.50")),
        ("ride_revenue", "", Decimal("-256.50")),
    ]
    assert JournalEntry.objects.get().description == "Ride from Berlin to Frankfurt"


def test_the_same_ride_in_another_message_adds_nothing(ride_completed: Make) -> None:
    ride = new_id()

    record_fare([ride_completed(ride_completion=ride), ride_completed(ride_completion=ride)])
    record_fare([ride_completed(ride_completion=ride), ride_completed()])

    assert JournalEntry.objects.count() == 2
    assert Posting.objects.count() == 4


def test_a_free_ride_is_in_the_books_too(ride_completed: Make) -> None:
    record_fare([ride_completed(fare=0)])

    assert JournalEntry.objects.count() == 1


def test_five_hundred_fares_take_one_statement(
    ride_completed: Make, django_assert_num_queries: Any
) -> None:
    batch = [ride_completed(fare=n / 100) for n in range(500)]

    with django_assert_num_queries(1):
        record_fare(batch)

    assert queries.statement(customer="cmr", currency="EUR", limit=1).balance == Decimal("1247.50")


def test_entries_are_written_in_the_order_of_their_key(
    ride_completed: Make, order_of_writing: Watch
) -> None:
    written = order_of_writing("customer_accounting_journalentry", "ride_completion")

    record_fare([ride_completed() for _ in range(50)][::-1])

    assert written() == sorted(written())
    assert len(written()) == 50
