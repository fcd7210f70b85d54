"""Which dead letters there are, and how canary redrives are going."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db.models import Count, Q, QuerySet
from django.db.models.functions import Coalesce

from wildrydes.models import DeadLetter, Receipt, Redrive

LIST_LIMIT = 1000


def select(
    *,
    subscription: str = "",
    error: str = "",
    since: datetime | None = None,
    limit: int | None = None,
) -> QuerySet[DeadLetter]:
    """Return the dead letters that meet all that is given, the oldest receipt first.

    `error` is a part of the error's text, in any case; `since` is when they failed last.
    """
    letters = DeadLetter.objects.order_by("id")
    if subscription:
        letters = letters.filter(subscription=subscription)
    if error:
        letters = letters.filter(error__icontains=error)
    if since:
        failed_at = Coalesce("last_failed_at", "received_at")
        letters = letters.alias(failed_at=failed_at).filter(failed_at__gte=since)
    return letters[:limit] if limit is not None else letters


def find(key: str) -> list[DeadLetter]:
    """Return the dead letters of that number, or of that message id: one for each subscription."""
    if key.isdecimal():
        return list(DeadLetter.objects.filter(id=int(key)))
    try:
        message_id = UUID(key)
    except ValueError:
        return []
    return list(DeadLetter.objects.filter(message_id=message_id).order_by("id"))


def redrives(*, limit: int = LIST_LIMIT) -> QuerySet[Redrive]:
    """Return canary redrives: those that are not over first, then the newest."""
    over = Q(state__in=[Redrive.State.FINISHED, Redrive.State.CANCELLED])
    return Redrive.objects.alias(over=over).order_by("over", "-id")[:limit]


def became(ids: Sequence[int], *, to: str = "") -> dict[str, int]:
    """Count by status what became of redriven letters, at `to` where they went elsewhere."""
    receipts = Receipt.objects.filter(id__in=ids)
    if to:
        sent = receipts.values("message_id")
        receipts = Receipt.objects.filter(subscription=to, message_id__in=sent)
    counted = receipts.values("status").order_by("status").annotate(count=Count("id"))
    return {row["status"]: row["count"] for row in counted}
