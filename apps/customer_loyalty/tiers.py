"""The tiers of the loyalty programme, and how many points each takes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Tier:
    """A tier that begins at so many points."""

    name: str
    from_points: int


TIERS = (
    Tier(name="bronze", from_points=0),
    Tier(name="silver", from_points=500),
    Tier(name="gold", from_points=2000),
)


def tier_at(points: int) -> Tier:
    """Return the tier of a customer who has so many points (0 or more)."""
    return max(
        (tier for tier in TIERS if tier.from_points <= points), key=lambda tier: tier.from_points
    )


def tier_after(points: int) -> Tier | None:
    """Return the next tier above; none at the top."""
    return next((tier for tier in TIERS if tier.from_points > points), None)
