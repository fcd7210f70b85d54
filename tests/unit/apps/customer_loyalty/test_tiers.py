from __future__ import annotations

from decimal import Decimal

import pytest

from apps.customer_loyalty import operations, tiers


@pytest.mark.parametrize(
    ("points", "tier", "following"),
    [
        (0, "bronze", "silver"),
        (499, "bronze", "silver"),
        (500, "silver", "gold"),
        (1999, "silver", "gold"),
        (2000, "gold", None),
        (1_000_000, "gold", None),
    ],
)
def test_a_tier_begins_at_its_number_of_points(
    points: int, tier: str, following: str | None
) -> None:
    after = tiers.tier_after(points)

    assert tiers.tier_at(points).name == tier
    assert (after.name if after else None) == following


@pytest.mark.parametrize(
    ("fare", "points"), [("0.00", 0), ("0.99", 0), ("1.00", 1), ("256.50", 256), ("99.99", 99)]
)
def test_only_whole_currency_units_earn_a_point(fare: str, points: int) -> None:
    assert operations.points_for(Decimal(fare)) == points
