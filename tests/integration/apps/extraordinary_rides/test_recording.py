"""What arrives is kept once, and the greatest come first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from apps.extraordinary_rides import queries
from apps.extraordinary_rides.models import ExtraordinaryRide
from apps.extraordinary_rides.subscriptions import record_extraordinary_ride
from config.topology import TOPOLOGY
from wildrydes.envelope import Envelope
from wildrydes.models import new_id

Make = Callable[..., Envelope]
Watch = Callable[[str, str], Callable[[], list[str]]]


@pytest.mark.django_db
def test_the_same_ride_in_another_message_is_kept_once(ride_completed: Make) -> None:
    ride = new_id()

    record_extraordinary_ride(
        [ride_completed(ride_completion=ride), ride_completed(ride_completion=ride)]
    )
    record_extraordinary_ride([ride_completed(ride_completion=ride)])

    kept = ExtraordinaryRide.objects.get()
    assert (kept.origin, kept.distance_km, kept.duration_seconds) == ("Berlin", 600, 420)


@pytest.mark.django_db
def test_the_leaderboard_is_by_fare_or_by_distance(ride_completed: Make) -> None:
    record_extraordinary_ride(
        [
            ride_completed(fare=50, distance=900, to="far"),
            ride_completed(fare=500, distance=20, to="costly"),
            ride_completed(fare=70, distance=70, to="neither"),
        ]
    )

    by_fare = [ride.destination for ride in queries.leaderboard(by="fare", limit=2)]
    by_distance = [ride.destination for ride in queries.leaderboard(by="distance", limit=2)]

    assert by_fare == ["costly", "neither"]
    assert by_distance == ["far", "neither"]


@pytest.mark.django_db
def test_five_hundred_rides_take_one_statement(
    ride_completed: Make, django_assert_num_queries: Any
) -> None:
    batch = [ride_completed() for _ in range(500)]

    with django_assert_num_queries(1):
        record_extraordinary_ride(batch)


@pytest.mark.django_db
def test_rides_are_written_in_the_order_of_their_key(
    ride_completed: Make, order_of_writing: Watch
) -> None:
    written = order_of_writing("extraordinary_rides_extraordinaryride", "ride_completion")

    record_extraordinary_ride([ride_completed() for _ in range(50)][::-1])

    assert written() == sorted(written())
    assert len(written()) == 50


@pytest.mark.django_db
@pytest.mark.parametrize(("by", "index"), [("fare", "by_fare"), ("distance", "by_dist")])
def test_the_leaderboard_reads_an_index(
    by: queries.Measure, index: str, ride_completed: Make
) -> None:
    record_extraordinary_ride([ride_completed(fare=n, distance=n) for n in range(500)])

    plan = queries.leaderboard(by=by, limit=10).explain()

    assert f"extraordinary_rides_{index}" in plan


@pytest.mark.parametrize(
    ("fare", "distance", "taken"),
    [(256.5, 600, True), (50, 20, True), (49.99, 600, False), (256.5, 19.9, False)],
)
def test_the_filter_takes_what_is_both_costly_and_long(
    fare: float, distance: float, taken: bool, ride_completed: Make
) -> None:
    subscription = TOPOLOGY.subscription("extraordinary_rides.record_extraordinary_ride")

    assert subscription.wants(ride_completed(fare=fare, distance=distance)) is taken
