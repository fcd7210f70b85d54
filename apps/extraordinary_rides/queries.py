"""The leaderboard."""

from __future__ import annotations

from typing import Literal

from django.db.models import QuerySet

from apps.extraordinary_rides.models import ExtraordinaryRide

Measure = Literal["fare", "distance"]

COLUMNS: dict[Measure, str] = {"fare": "fare", "distance": "distance_km"}


def leaderboard(*, by: Measure, limit: int) -> QuerySet[ExtraordinaryRide]:
    """Return the `limit` greatest rides by that measure; of equals the latest comes first.

    Both orders are an index, read backwards.
    """
    return ExtraordinaryRide.objects.order_by(f"-{COLUMNS[by]}", "-ride_completion")[:limit]
