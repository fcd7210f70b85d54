"""What the rows say about prebookings, in SQL that shares nothing with the code under test.

Every prebooking that was accepted after a position of the log is looked at, told yes or not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tests.faults.audit import Findings
from tests.faults.prebooking import Prebooked

Rows = Callable[..., list[tuple[Any, ...]]]

PREBOOKINGS = """
WITH accepted AS (
    SELECT id FROM wildrydes_message
    WHERE type = 'v1.ride-prebooking.submit' AND position > %(since)s
), prebooking AS (
    SELECT prebooking.* FROM ride_prebooking_prebooking AS prebooking JOIN accepted USING (id)
), told AS (
    SELECT type, subject::uuid AS id FROM wildrydes_message JOIN accepted
        ON accepted.id::text = subject
    WHERE type IN (
        'v1.ride-prebooking.submitted', 'v1.ride-prebooking.rejected', 'v1.ride.prebooked'
    )
)
"""

LOST = {
    "prebookings that were accepted": """
        SELECT count(*) FROM accepted WHERE NOT EXISTS (
            SELECT FROM prebooking WHERE id = accepted.id
        )
    """,
    "decisions on prebookings": """
        SELECT count(*) FROM prebooking WHERE status = 'accepted'
    """,
    "events of confirmed prebookings": """
        SELECT count(*) FROM prebooking WHERE status = 'confirmed' AND NOT EXISTS (
            SELECT FROM told WHERE told.id = prebooking.id AND type = 'v1.ride.prebooked'
        )
    """,
    "events of rejected prebookings": """
        SELECT count(*) FROM prebooking WHERE status = 'rejected' AND NOT EXISTS (
            SELECT FROM told WHERE told.id = prebooking.id AND type = 'v1.ride-prebooking.rejected'
        )
    """,
}

DOUBLED = {
    "decisions on prebookings": """
        SELECT coalesce(sum(times - 1), 0) FROM (
            SELECT count(*) AS times FROM told
            WHERE type IN ('v1.ride.prebooked', 'v1.ride-prebooking.rejected') GROUP BY id
        ) AS found
    """,
    "submissions of prebookings": """
        SELECT coalesce(sum(times - 1), 0) FROM (
            SELECT count(*) AS times FROM told
            WHERE type = 'v1.ride-prebooking.submitted' GROUP BY id
        ) AS found
    """,
    "prebookings of a customer at one time": """
        SELECT coalesce(sum(times - 1), 0) FROM (
            SELECT count(*) AS times FROM prebooking WHERE status = 'confirmed'
            GROUP BY customer, ride_at
        ) AS found
    """,
}

BROKEN = {
    "a campaign's places are not the prebookings that have one": """
        SELECT code || ': ' || taken || ' taken' FROM ride_prebooking_campaign AS campaign
        WHERE taken <> (
            SELECT count(*) FROM ride_prebooking_prebooking
            WHERE campaign = campaign.code AND status = 'confirmed'
        ) LIMIT 1
    """,
    "a campaign is oversold": """
        SELECT code FROM ride_prebooking_campaign WHERE taken > capacity LIMIT 1
    """,
    "a campaign has places, and somebody was told that it has none": """
        SELECT code FROM ride_prebooking_campaign WHERE taken < capacity AND EXISTS (
            SELECT FROM ride_prebooking_prebooking
            WHERE campaign = code AND reason = 'campaign-full'
        ) LIMIT 1
    """,
    "a prebooking was rejected without a reason": """
        SELECT id::text FROM prebooking WHERE status = 'rejected' AND reason = '' LIMIT 1
    """,
}

STORED = "SELECT id::text FROM ride_prebooking_prebooking WHERE id = ANY(%s::uuid[])"
ENDS = """
SELECT trim(status || ' ' || reason), count(*) FROM prebooking GROUP BY 1 ORDER BY 1
"""


def check(rows: Rows, *, since: int, prebooked: Prebooked, findings: Findings) -> dict[str, int]:
    """Check every promise about prebookings; return how many ended in which way."""

    def found(statement: str) -> list[tuple[Any, ...]]:
        return rows(PREBOOKINGS + statement, {"since": since})

    for what, statement in LOST.items():
        findings.lost[what] += int(found(statement)[0][0])
    for what, statement in DOUBLED.items():
        findings.doubled[what] += int(found(statement)[0][0])
    findings.broken.extend(
        f"{rule}: {example[0][0]}"
        for rule, statement in BROKEN.items()
        if (example := found(statement))
    )
    findings.broken.extend(f"unexpected answer: {text}" for text in prebooked.unexpected[:3])
    stored = {row[0] for row in rows(STORED, prebooked.ids)}
    findings.lost["prebookings that were told yes"] += len(set(prebooked.ids) - stored)
    return {status: int(count) for status, count in found(ENDS)}


def summary(ends: Mapping[str, int], prebooked: Prebooked) -> Iterator[str]:
    """Say how it went, if anybody has prebooked."""
    if prebooked.ids:
        yield f"{len(prebooked.ids)} prebookings told yes, ended {dict(ends)}"
        yield f"refused {dict(prebooked.refusals)}"
