from __future__ import annotations

from collections.abc import Callable

from rest_framework.test import APIClient

from apps.customer_loyalty.subscriptions import award_points
from wildrydes.envelope import Envelope

Make = Callable[..., Envelope]

LOYALTY = "/api/v1/customers/me/loyalty"


def test_a_customer_sees_points_and_tier(as_customer: APIClient, ride_completed: Make) -> None:
    ride = ride_completed(fare=512.75)
    award_points([ride, ride_completed(customer="other")])

    body = as_customer.get(LOYALTY).json()

    entry = body.pop("entries")[0]
    assert (entry["ride"], entry["points"]) == (ride.data["ride_completion"], 512)
    assert body == {
        "customer": "cmr",
        "points": 512,
        "tier": "silver",
        "next_tier": "gold",
        "points_to_next_tier": 1488,
        "next": None,
    }


def test_there_is_nothing_above_gold(as_customer: APIClient, ride_completed: Make) -> None:
    award_points([ride_completed(fare=5000)])

    body = as_customer.get(LOYALTY).json()

    assert (body["tier"], body["next_tier"], body["points_to_next_tier"]) == ("gold", None, None)


def test_the_pages_lead_to_the_oldest_entry(as_customer: APIClient, ride_completed: Make) -> None:
    award_points([ride_completed(fare=n) for n in (1, 2, 3)])

    first = as_customer.get(LOYALTY, {"limit": 2}).json()
    second = as_customer.get(first["next"]).json()

    assert [entry["points"] for entry in first["entries"] + second["entries"]] == [3, 2, 1]


def test_only_customers_collect_points(as_staff: APIClient, as_unicorn: APIClient) -> None:
    assert as_staff.get(LOYALTY).status_code == 403
    assert as_unicorn.get(LOYALTY).status_code == 403
    assert APIClient().get(LOYALTY).status_code == 401
