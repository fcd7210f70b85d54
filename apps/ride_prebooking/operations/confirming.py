"""Confirm what is stored, or reject it: here campaigns' places are given out, and nowhere else.

Guarantee: a prebooking is decided once; a campaign never has more places taken than it has,
whoever decides at the same time and in whatever order, because its row is locked while they are
counted. The database itself refuses one too many.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import F

from apps.ride_prebooking import rules
from apps.ride_prebooking.messages import DispatchPrebooking
from apps.ride_prebooking.models import Campaign, Prebooking
from apps.ride_prebooking.operations import telling
from apps.ride_prebooking.rules import Reason, Status
from wildrydes import publishing
from wildrydes.envelope import Envelope
from wildrydes.outgoing import Body

DECIDE = """
UPDATE ride_prebooking_prebooking AS row
SET status = decided.status, reason = decided.reason, discount_percent = decided.discount,
    due_at = decided.due_at, decided_at = %s,
    busy_until = CASE WHEN decided.reason = '' THEN row.busy_until ELSE row.ride_at END,
    ended_at = CASE WHEN decided.reason = '' THEN NULL ELSE %s::timestamptz END
FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::int[], %s::timestamptz[])
    AS decided (id, status, reason, discount, due_at)
WHERE row.id = decided.id
"""


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What is decided of a prebooking; `reason` is None where it is confirmed."""

    row: Prebooking
    reason: Reason | None
    discount: int
    due_at: datetime | None


def confirm(*, causes: Mapping[UUID, Envelope], lead: timedelta, now: datetime) -> None:
    """Confirm these prebookings or reject them, as far as they are not decided, and tell so.

    `causes` are the messages that ask for it, by prebooking; `lead` is how long before the ride a
    unicorn is looked for. Must be called inside a transaction.
    """
    asked = Prebooking.objects.filter(id__in=causes, status=Status.ACCEPTED)
    rows = list(asked.order_by("id").select_for_update())
    decisions = list(_decide(rows, _locked_campaigns(rows), lead=lead, now=now))
    _take_places(decisions)
    _write(decisions, now=now)
    telling.publish((item.row, _event(item, now=now), causes[item.row.id]) for item in decisions)
    _call_when_due(decisions, causes)


def _locked_campaigns(rows: Sequence[Prebooking]) -> dict[str, Campaign]:
    """Return the campaigns of these, locked in one order for everybody."""
    codes = {row.campaign for row in rows if row.campaign}
    if not codes:
        return {}
    found = Campaign.objects.filter(code__in=codes).order_by("code").select_for_update()
    return {campaign.code: campaign for campaign in found}


def _decide(
    rows: Sequence[Prebooking],
    campaigns: Mapping[str, Campaign],
    *,
    lead: timedelta,
    now: datetime,
) -> Iterator[Decision]:
    """Yield what is decided, first come first served, until a campaign's places are gone."""
    left = {code: campaign.remaining for code, campaign in campaigns.items()}
    for row in rows:
        reason = rules.against_time(ride_at=row.ride_at, now=now)
        if reason is None and row.campaign and left.get(row.campaign, 0) <= 0:
            reason = Reason.CAMPAIGN_FULL
        if reason is None and row.campaign:
            left[row.campaign] -= 1
        discount = campaigns[row.campaign].discount_percent if row.campaign and not reason else 0
        due_at = None if reason else row.ride_at - lead
        yield Decision(row=row, reason=reason, discount=discount, due_at=due_at)


def _take_places(decisions: Sequence[Decision]) -> None:
    """Count the places that were given out, one statement for each campaign."""
    given = Counter(item.row.campaign for item in decisions if not item.reason)
    for code in sorted(code for code in given if code):
        Campaign.objects.filter(code=code).update(taken=F("taken") + given[code])


def _write(decisions: Sequence[Decision], *, now: datetime) -> None:
    if not decisions:
        return
    columns: list[list[Any]] = [
        [item.row.id for item in decisions],
        [(Status.REJECTED if item.reason else Status.CONFIRMED).value for item in decisions],
        [item.reason.value if item.reason else "" for item in decisions],
        [item.discount for item in decisions],
        [item.due_at for item in decisions],
    ]
    with connection.cursor() as cursor:
        cursor.execute(DECIDE, [now, now, *columns])


def _call_when_due(decisions: Sequence[Decision], causes: Mapping[UUID, Envelope]) -> None:
    """Send each confirmed one's call, which waits in Postgres until then and costs nothing."""
    publishing.send_all(
        [
            publishing.Outgoing(
                body=DispatchPrebooking(prebooking=item.row.id),
                subject=str(item.row.id),
                group_id=str(item.row.id),
                not_before=item.due_at,
                cause=causes[item.row.id],
            )
            for item in decisions
            if item.due_at is not None
        ]
    )


def _event(decision: Decision, *, now: datetime) -> Body:
    if decision.due_at is None:
        reason = decision.reason or Reason.CAMPAIGN_FULL
        return telling.rejected(decision.row, reason=reason, now=now)
    return telling.prebooked(
        decision.row, due_at=decision.due_at, discount=decision.discount, now=now
    )
