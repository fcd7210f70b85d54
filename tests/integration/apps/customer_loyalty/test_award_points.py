"""A ride earns its points once; an account is always the sum of its entries."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import Sum

from apps.customer_loyalty import queries
from apps.customer_loyalty.models import LoyaltyAccount, PointsEntry
from apps.customer_loyalty.subscriptions import award_points
from wildrydes.envelope import Envelope
from wildrydes.models import new_id

pytestmark = pytest.mark.django_db

Make = Callable[..., Envelope]
Watch = Callable[[str, str], Callable[[], list[str]]]


def test_a_customer_climbs_from_tier_to_tier(ride_completed: Make) -> None:
    award_points([ride_completed(fare=256.5), ride_completed(fare=245.99)])

    standing = queries.standing(customer="cmr", limit=50)

    assert (standing.points, standing.tier.name) == (501, "silver")
    assert standing.next_tier is not None
    assert (standing.next_tier.name, standing.points_to_next_tier) == ("gold", 1499)
    assert [entry.points for entry in standing.entries] == [245, 256]


def test_who_has_not_ridden_is_bronze() -> None:
    standing = queries.standing(customer="nobody", limit=50)

    assert (standing.points, standing.tier.name, standing.points_to_next_tier) == (0, "bronze", 500)


def test_the_same_ride_in_another_message_earns_nothing(ride_completed: Make) -> None:
    ride = new_id()

    award_points([ride_completed(ride_completion=ride), ride_completed(ride_completion=ride)])
    award_points([ride_completed(ride_completion=ride), ride_completed(customer="other", fare=1)])

    assert dict(LoyaltyAccount.objects.values_list("customer", "points")) == {
        "cmr": 256,
        "other": 1,
    }


def test_a_second_entry_for_a_ride_is_refused_by_the_database(ride_completed: Make) -> None:
    award_points([ride_completed()])
    entry = PointsEntry.objects.get()

    entry.id = new_id()
    with pytest.raises(IntegrityError), transaction.atomic():
        entry.save(force_insert=True)


def test_five_hundred_rides_take_one_statement(
    ride_completed: Make, django_assert_num_queries: Any
) -> None:
    batch = [ride_completed(customer=f"c{n % 7}", fare=n) for n in range(500)]

    with django_assert_num_queries(1):
        award_points(batch)

    assert LoyaltyAccount.objects.count() == 7
    assert LoyaltyAccount.objects.aggregate(sum=Sum("points"))["sum"] == sum(range(500))


@pytest.mark.parametrize(
    ("table", "key"), [("pointsentry", "ride_completion"), ("loyaltyaccount", "customer")]
)
def test_entries_and_accounts_are_written_in_the_order_of_their_key(
    table: str, key: str, ride_completed: Make, order_of_writing: Watch
) -> None:
    written = order_of_writing(f"customer_loyalty_{table}", key)

    award_points([ride_completed(customer=f"c{n:02}") for n in range(50)][::-1])

    assert written() == sorted(written())
    assert len(written()) == 50


@pytest.mark.django_db(transaction=True)
def test_many_workers_with_the_same_customers_lose_no_point(
    ride_completed: Make,
) -> None:
    errors: list[Exception] = []
    batches = [
        [ride_completed(customer=f"c{(n * step) % 40}", fare=1) for n in range(200)]
        for step in (1, 3, 7, 11)
    ]

    def work(envelopes: list[Envelope]) -> None:
        try:
            with transaction.atomic():
                award_points(envelopes)
        except Exception as error:  # noqa: BLE001 - the test reports it
            errors.append(error)
        finally:
            connection.close()

    workers = [threading.Thread(target=work, args=(batch,)) for batch in batches]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(timeout=30)

    assert errors == []
    assert LoyaltyAccount.objects.aggregate(sum=Sum("points"))["sum"] == 800
