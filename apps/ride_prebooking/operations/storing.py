"""Store what was accepted, as far as the rules allow, however much comes at once.

Guarantee: each prebooking is stored once, accepted or rejected, whoever else stores at the same
time; of those of one customer that overlap the first to be stored stands.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import orjson
from django.db import connection

from apps.ride_prebooking import queries, rules
from apps.ride_prebooking.messages import SubmitPrebooking
from apps.ride_prebooking.models import Campaign, Prebooking
from apps.ride_prebooking.operations import telling
from apps.ride_prebooking.rules import Reason, Status
from wildrydes.envelope import Envelope

# One statement for any number: who overlaps a prebooking that stands, or is there already, is not
# among those returned.
STORE = """
INSERT INTO ride_prebooking_prebooking
SELECT * FROM json_populate_recordset(NULL::ride_prebooking_prebooking, %s::json)
ON CONFLICT DO NOTHING RETURNING id
"""


@dataclass(frozen=True, kw_only=True)
class Submission:
    """What was accepted, and the message that it came as."""

    wanted: SubmitPrebooking
    cause: Envelope


def store(*, submissions: Sequence[Submission], now: datetime) -> None:
    """Store each prebooking and publish whether it stands, in four statements for all of them.

    Must be called inside a transaction. What is stored already is left as it is.
    """
    causes = {item.wanted.prebooking: item.cause for item in submissions}
    rows = [queries.unstored(item.wanted, accepted_at=item.cause.time) for item in submissions]
    reasons = _reasons(rows, now=now)
    standing = [_standing(row) for row in rows if row.id not in reasons]
    stored = insert(standing)
    reasons |= {row.id: Reason.OVERLAP for row in standing if row.id not in stored}
    refused = [row for row in rows if row.id in reasons]
    known = insert([_rejected(row, reasons[row.id], now=now) for row in refused])
    telling.publish(
        (row, telling.submitted(row), causes[row.id]) for row in standing if row.id in stored
    )
    telling.publish(
        (row, telling.rejected(row, reason=reasons[row.id], now=now), causes[row.id])
        for row in refused
        if row.id in known
    )


def _reasons(rows: Sequence[Prebooking], *, now: datetime) -> dict[UUID, Reason]:
    """Return what speaks against each, as far as it can be said without the others."""
    named = {row.campaign for row in rows if row.campaign}
    campaigns = {found.code: found for found in Campaign.objects.filter(code__in=named)}
    judged = ((row.id, _reason(row, campaigns, now=now)) for row in rows)
    return {id: reason for id, reason in judged if reason is not None}


def _reason(row: Prebooking, campaigns: Mapping[str, Campaign], *, now: datetime) -> Reason | None:
    if reason := rules.against_time(ride_at=row.ride_at, now=now):
        return reason
    if not row.campaign:
        return None
    if (campaign := campaigns.get(row.campaign)) is None:
        return Reason.UNKNOWN_CAMPAIGN
    return rules.against_campaign(
        starts_at=campaign.starts_at,
        ends_at=campaign.ends_at,
        places_left=campaign.remaining,
        asked_at=row.accepted_at,
    )


def _standing(row: Prebooking) -> Prebooking:
    row.busy_until = row.ride_at + rules.APART
    return row


def _rejected(row: Prebooking, reason: Reason, *, now: datetime) -> Prebooking:
    row.busy_until = row.ride_at
    row.status, row.reason, row.decided_at, row.ended_at = Status.REJECTED, reason, now, now
    return row


def insert(rows: Sequence[Prebooking]) -> set[UUID]:
    """Insert those that are in nobody's way, in one order for everybody; return their ids.

    Two who store prebookings of the same customers at the same time wait for each other, and
    cannot lock each other out.
    """
    if not rows:
        return set()
    in_order = sorted(rows, key=lambda row: (row.customer, row.accepted_at, row.id))
    fields = [field.attname for field in Prebooking._meta.concrete_fields]
    given = [{name: getattr(row, name) for name in fields} for row in in_order]
    with connection.cursor() as cursor:
        cursor.execute(STORE, [orjson.dumps(given, default=str).decode()])
        return {id for (id,) in cursor.fetchall()}
