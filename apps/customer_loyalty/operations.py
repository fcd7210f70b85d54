"""What may be done to points: award them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db import connection

from wildrydes.models import new_id

# One statement: an account grows by exactly the entries that were new. Rides and customers are
# written in sorted order, so that two batches cannot deadlock.
AWARD_POINTS = """
WITH awarded AS (
    INSERT INTO customer_loyalty_pointsentry (id, ride_completion, customer, points, awarded_at)
    SELECT id, ride_completion, customer, points, %(now)s FROM unnest(
        %(id)s::uuid[], %(ride_completion)s::uuid[], %(customer)s::text[], %(points)s::bigint[]
    ) AS new (id, ride_completion, customer, points)
    ORDER BY ride_completion
    ON CONFLICT (ride_completion) DO NOTHING
    RETURNING customer, points
)
INSERT INTO customer_loyalty_loyaltyaccount AS account (customer, points, updated_at)
SELECT customer, sum(points), %(now)s FROM awarded GROUP BY customer ORDER BY customer
ON CONFLICT (customer) DO UPDATE
SET points = account.points + excluded.points, updated_at = excluded.updated_at
"""


@dataclass(frozen=True, kw_only=True)
class PaidRide:
    """A completed ride that earns points."""

    ride_completion: UUID
    customer: str
    fare: Decimal


def points_for(fare: Decimal) -> int:
    """Return the points that a fare earns: one for each whole currency unit."""
    return math.floor(fare)


def award_points(*, rides: Sequence[PaidRide], now: datetime) -> None:
    """Award each ride's points, once, and add them to the customers' accounts.

    One statement for any number of rides; a ride that has its points already changes nothing.
    """
    if not rides:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            AWARD_POINTS,
            {
                "id": [new_id() for _ in rides],
                "ride_completion": [ride.ride_completion for ride in rides],
                "customer": [ride.customer for ride in rides],
                "points": [points_for(ride.fare) for ride in rides],
                "now": now,
            },
        )
