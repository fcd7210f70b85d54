"""What the loyalty programme is asked."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from apps.customer_loyalty import tiers
from apps.customer_loyalty.models import LoyaltyAccount, PointsEntry


@dataclass(frozen=True, kw_only=True)
class Standing:
    """Where a customer stands, with a page of the entries that led there, newest first."""

    customer: str
    points: int
    tier: tiers.Tier
    next_tier: tiers.Tier | None
    entries: tuple[PointsEntry, ...]
    has_more: bool

    @property
    def continues_after(self) -> UUID | None:
        """Return the entry after which the next page begins; none on the last page."""
        return self.entries[-1].id if self.has_more else None

    @property
    def points_to_next_tier(self) -> int | None:
        """Return how many points are lacking; none at the top."""
        return self.next_tier.from_points - self.points if self.next_tier else None


def standing(*, customer: str, limit: int, before: UUID | None = None) -> Standing:
    """Return a customer's points and tier, and at most `limit` entries older than `before`.

    A customer who has not been seen yet has no points and the lowest tier.
    """
    account = LoyaltyAccount.objects.filter(customer=customer).first()
    points = account.points if account else 0
    entries = PointsEntry.objects.filter(customer=customer).order_by("-id")
    if before is not None:
        entries = entries.filter(id__lt=before)
    page = tuple(entries[: limit + 1])
    return Standing(
        customer=customer,
        points=points,
        tier=tiers.tier_at(points),
        next_tier=tiers.tier_after(points),
        entries=page[:limit],
        has_more=len(page) > limit,
    )
