"""What may be asked of the fleets."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import datetime

from django.db import connection
from django.db.models import QuerySet

from apps.unicorn_management.models import Fleet, Unicorn

COUNT_OPEN = """
SELECT fleet_id, (SELECT count(*) FROM unnest(deadlines) AS deadline WHERE deadline > %s)
FROM unicorn_management_openrequests WHERE fleet_id = ANY(%s)
"""


def fleets() -> QuerySet[Fleet]:
    """Return every fleet, in alphabetical order."""
    return Fleet.objects.order_by("slug")


def fleets_by_slug(*, slugs: Collection[str]) -> dict[str, Fleet]:
    """Return those of these fleets that there are."""
    return Fleet.objects.in_bulk(list(slugs))


def available_unicorns(*, fleets: Collection[str]) -> Mapping[str, list[Unicorn]]:
    """Return, for each fleet, its unicorns that are online and on no ride, in order of id."""
    found: dict[str, list[Unicorn]] = defaultdict(list)
    free = Unicorn.objects.filter(fleet__in=fleets, is_online=True, ride__isnull=True)
    for unicorn in free.order_by("id"):
        found[unicorn.fleet_id].append(unicorn)
    return found


def open_requests(*, fleets: Collection[str], now: datetime) -> dict[str, int]:
    """Return, for each fleet, how many requests that it was asked are still open."""
    with connection.cursor() as cursor:
        cursor.execute(COUNT_OPEN, [now, list(fleets)])
        return dict(cursor.fetchall())


def unicorn_of(*, user_id: int) -> Unicorn | None:
    """Return the unicorn that this user is."""
    return Unicorn.objects.filter(user_id=user_id).first()
