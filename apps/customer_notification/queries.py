"""What customers were told."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from apps.customer_notification.models import Notification


@dataclass(frozen=True, kw_only=True)
class Inbox:
    """A page of a customer's notifications, newest first."""

    notifications: tuple[Notification, ...]
    has_more: bool

    @property
    def continues_after(self) -> UUID | None:
        """Return the entry after which the next page begins; none on the last page."""
        return self.notifications[-1].id if self.has_more else None


def inbox(*, customer: str, limit: int, before: UUID | None = None) -> Inbox:
    """Return at most `limit` notifications, those older than `before` where it is given."""
    rows = Notification.objects.filter(customer=customer).order_by("-id")
    if before is not None:
        rows = rows.filter(id__lt=before)
    page = tuple(rows[: limit + 1])
    return Inbox(notifications=page[:limit], has_more=len(page) > limit)
