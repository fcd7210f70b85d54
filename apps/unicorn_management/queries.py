"""What may be asked of unicorn management."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from django.db.models import QuerySet

from apps.identity import messages as identity
from apps.unicorn_management.models import RideCompletion


def visible_to(*, caller: identity.Caller) -> QuerySet[RideCompletion]:
    """Return the rides that the caller may see: staff all, a unicorn those of its fleet, a
    customer their own, anyone else none."""
    match caller:
        case identity.Caller(role=identity.STAFF):
            return RideCompletion.objects.all()
        case identity.Caller(role=identity.UNICORN, fleet=fleet) if fleet:
            return RideCompletion.objects.filter(fleet=fleet)
        case identity.Caller(role=identity.CUSTOMER, customer=customer) if customer:
            return RideCompletion.objects.filter(customer=customer)
    return RideCompletion.objects.none()


@dataclass(frozen=True, kw_only=True)
class Page:
    """Some rides, newest first; `continues_after` is the last one's id if there are more."""

    rows: list[RideCompletion]
    continues_after: UUID | None


def newest_first(*, caller: identity.Caller, limit: int, before: UUID | None) -> Page:
    """Return at most `limit` rides that the caller may see, older than `before` if it is given."""
    rows = visible_to(caller=caller).order_by("-id")
    if before is not None:
        rows = rows.filter(id__lt=before)
    found = list(rows[: limit + 1])
    more = len(found) > limit
    return Page(rows=found[:limit], continues_after=found[limit - 1].id if more else None)


def completions_of(*, rides: Collection[str]) -> dict[str, UUID]:
    """Return which of these rides are completed already, and by which completion."""
    if not rides:
        return {}
    found = RideCompletion.objects.filter(ride__in=rides).values_list("ride", "id")
    return {ride: id for ride, id in found if ride}
