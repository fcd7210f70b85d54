"""What the rows say about requests for quotes, in SQL that shares nothing with the code under test.

Every request after a position of the log is looked at, told yes or not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from tests.faults.asking import Told
from tests.faults.audit import Findings

Rows = Callable[..., list[tuple[Any, ...]]]
Outages = Sequence[tuple[float, float]]

LATEST_SECONDS = 1.0

SCATTERS = """
WITH scatter AS (
    SELECT scatter.* FROM wildrydes_scatter AS scatter
    JOIN wildrydes_message AS message ON message.id = scatter.id WHERE message.position > %(since)s
)
"""

OVERSHOOTS = """
SELECT extract(epoch FROM deadline_at)::float, extract(epoch FROM closed_at)::float
FROM scatter
WHERE status = 'closed' AND (closed_because = 'deadline' OR closed_at > deadline_at)
"""

CLOSED = "requests that are closed"
LOST = {
    CLOSED: """
        SELECT count(*) FROM scatter WHERE status = 'open'
    """,
    "entries of fleets that were asked": """
        SELECT count(*) FROM scatter CROSS JOIN LATERAL unnest(asked) AS name
        WHERE status = 'closed' AND NOT EXISTS (
            SELECT FROM wildrydes_response WHERE scatter_id = scatter.id AND responder = name
        )
    """,
    "answers that a receipt holds": """
        SELECT count(*) FROM scatter JOIN wildrydes_receipt AS receipt
            ON receipt.message_id = scatter.id AND receipt.answer IS NOT NULL
        WHERE receipt.subscription LIKE 'unicorn_management.quote.%%' AND NOT EXISTS (
            SELECT FROM wildrydes_response WHERE scatter_id = scatter.id
                AND responder = split_part(receipt.subscription, '.', 3)
                AND outcome <> 'timed_out'
        )
    """,
    "quotes in closing events": """
        SELECT count(*) FROM scatter
        JOIN wildrydes_message AS event
            ON event.type = 'v1.ride-quotes.gathered' AND event.subject = scatter.id::text
        JOIN wildrydes_response AS response
            ON response.scatter_id = scatter.id AND outcome = 'answered' AND NOT late
        WHERE NOT EXISTS (
            SELECT FROM jsonb_array_elements(event.data->'quotes') AS quote
            WHERE quote->>'responder' = response.responder
                AND (quote->>'quote')::numeric = (response.data->>'quote')::numeric
        )
    """,
    "closing events": """
        SELECT count(*) FROM scatter WHERE status = 'closed' AND NOT EXISTS (
            SELECT FROM wildrydes_message
            WHERE type = 'v1.ride-quotes.gathered' AND subject = scatter.id::text
        )
    """,
}

DOUBLED = {
    "closing events": """
        SELECT coalesce(sum(times - 1), 0) FROM (
            SELECT count(*) AS times FROM scatter JOIN wildrydes_message AS event
                ON event.type = 'v1.ride-quotes.gathered' AND event.subject = scatter.id::text
            GROUP BY scatter.id
        ) AS found
    """,
    "entries of fleets": """
        SELECT coalesce(sum(times - 1), 0) FROM (
            SELECT count(*) AS times FROM scatter JOIN wildrydes_response AS response
                ON response.scatter_id = scatter.id GROUP BY scatter.id, responder
        ) AS found
    """,
    "quotes in closing events": """
        SELECT coalesce(sum(times - 1), 0) FROM (
            SELECT count(*) AS times FROM scatter JOIN wildrydes_message AS event
                ON event.type = 'v1.ride-quotes.gathered' AND event.subject = scatter.id::text
            CROSS JOIN LATERAL jsonb_array_elements(event.data->'quotes') AS quote
            GROUP BY event.position, quote->>'responder'
        ) AS found
    """,
    "rides of a request": """
        SELECT coalesce(sum(times - 1), 0) FROM (
            SELECT count(*) AS times FROM ride_booking_ride GROUP BY rfq
        ) AS found
    """,
    "bookings of a request": """
        SELECT coalesce(sum(times - 1), 0) FROM (
            SELECT count(*) AS times FROM wildrydes_message
            WHERE type = 'v1.ride.booked' GROUP BY data->>'rfq'
        ) AS found
    """,
    "rides of a unicorn at a time": """
        SELECT count(*) FROM (
            SELECT ride.booked_at, lag(coalesce(ended.at, 'infinity')) OVER (
                PARTITION BY ride.fleet, ride.unicorn ORDER BY ride.booked_at
            ) AS free_at
            FROM ride_booking_ride AS ride LEFT JOIN ride_booking_rideevent AS ended
                ON ended.ride_id = ride.id AND ended.kind IN ('completed', 'cancelled')
            WHERE ride.unicorn <> ''
        ) AS found WHERE free_at > booked_at
    """,
}

BROKEN = {
    "an answer came after the close and is not marked as late": """
        SELECT 1 FROM scatter JOIN wildrydes_response AS response ON scatter_id = scatter.id
        WHERE status = 'closed' AND outcome <> 'timed_out'
            AND (response.received_at > closed_at) <> late LIMIT 1
    """,
    "somebody answered who was not asked": """
        SELECT 1 FROM scatter JOIN wildrydes_response AS response ON scatter_id = scatter.id
        WHERE NOT responder = ANY(asked) LIMIT 1
    """,
    "a closing event tells of a quote that did not come in time": """
        SELECT 1 FROM scatter JOIN wildrydes_message AS event
            ON event.type = 'v1.ride-quotes.gathered' AND event.subject = scatter.id::text
        CROSS JOIN LATERAL jsonb_array_elements(event.data->'quotes') AS quote
        WHERE NOT EXISTS (
            SELECT FROM wildrydes_response WHERE scatter_id = scatter.id AND outcome = 'answered'
                AND NOT late AND responder = quote->>'responder'
        ) LIMIT 1
    """,
    "a quote is not what the fleet's receipt says": """
        SELECT 1 FROM scatter JOIN wildrydes_receipt AS receipt
            ON receipt.message_id = scatter.id AND receipt.answer IS NOT NULL
        JOIN wildrydes_response AS response ON response.scatter_id = scatter.id
            AND responder = split_part(receipt.subscription, '.', 3)
        WHERE receipt.subscription LIKE 'unicorn_management.quote.%%'
            AND NOT responder = ANY(%(by_themselves)s)
            AND (response.outcome <> receipt.answer->>'outcome'
                OR response.data->>'quote' <> receipt.answer->'data'->>'quote') LIMIT 1
    """,
    "a quote is not above zero": """
        SELECT 1 FROM scatter JOIN wildrydes_response AS response ON scatter_id = scatter.id
        WHERE outcome = 'answered' AND (data->>'quote')::numeric <= 0 LIMIT 1
    """,
    "an aggregate could not be made": """
        SELECT 1 FROM scatter WHERE error <> '' LIMIT 1
    """,
    "a request has no question, or a question no request": """
        SELECT 1 FROM scatter FULL JOIN (
            SELECT rfq.id FROM ride_booking_rfq AS rfq
            JOIN wildrydes_message AS message ON message.id = rfq.id
            WHERE message.position > %(since)s
        ) AS rfq USING (id) WHERE rfq.id IS NULL OR scatter.id IS NULL LIMIT 1
    """,
}

TOLD = "SELECT id::text FROM ride_booking_rfq WHERE id = ANY(%s::uuid[])"
BOOKED = "SELECT id::text FROM ride_booking_ride WHERE id = ANY(%s::uuid[])"
ANSWERED = """
SELECT scatter_id::text, responder, data->>'quote', late FROM wildrydes_response
WHERE scatter_id = ANY(%s::uuid[]) AND responder = ANY(%s) AND outcome = 'answered'
"""


def check(
    rows: Rows, *, since: int, told: Told, findings: Findings, outages: Outages = ()
) -> list[float]:
    """Check every promise about requests; return by how many seconds deadlines were missed.

    `outages` are from when until when (epoch) nothing could be closed, as Postgres was away.
    """
    fleets = sorted({fleet for _, fleet in told.answers})
    values = {"since": since, "by_themselves": fleets}

    def found(statement: str) -> list[tuple[Any, ...]]:
        return rows(SCATTERS + statement, values)

    for what, statement in LOST.items():
        findings.lost[what] += int(found(statement)[0][0])
    for what, statement in DOUBLED.items():
        findings.doubled[what] += int(found(statement)[0][0])
    findings.broken.extend(rule for rule, statement in BROKEN.items() if found(statement))
    findings.broken.extend(f"unexpected answer: {text}" for text in told.unexpected[:3])
    _check_told(rows, told, findings)
    ends = found(OVERSHOOTS)
    return [_overshoot(deadline_at, closed_at, outages) for deadline_at, closed_at in ends]


def _check_told(rows: Rows, told: Told, findings: Findings) -> None:
    stored = {row[0] for row in rows(TOLD, told.rfqs)}
    findings.lost["requests that were told yes"] += len(set(told.rfqs) - stored)
    booked = {row[0] for row in rows(BOOKED, list(told.rides))}
    findings.lost["rides that were booked"] += len(told.rides.keys() - booked)
    findings.doubled["rides told of a request"] += len(told.rides) - len(set(told.rides.values()))
    rfqs, fleets = _columns(told)
    kept = {(rfq, fleet): (quote, late) for rfq, fleet, quote, late in rows(ANSWERED, rfqs, fleets)}
    for key, quote in told.answers.items():
        findings.lost["answers that were told yes"] += kept.get(key) != (quote, False)


def _columns(told: Told) -> tuple[list[str], list[str]]:
    return [rfq for rfq, _ in told.answers], sorted({fleet for _, fleet in told.answers})


def _overshoot(deadline_at: float, closed_at: float, outages: Outages) -> float:
    """Return how late it was closed, without the time in which Postgres was away."""
    away = sum(
        max(0.0, min(closed_at, until) - max(deadline_at, since)) for since, until in outages
    )
    return max(0.0, closed_at - deadline_at - away)


def summary(overshoots: Sequence[float], told: Told) -> Iterator[str]:
    """Say how it went, if anybody has asked."""
    if not told.rfqs:
        return
    yield f"{len(told.rfqs)} requests told yes, {len(told.answers)} answers by fleets themselves"
    yield f"{len(told.rides)} rides booked"
    worst = max(overshoots, default=0.0)
    yield f"{len(overshoots)} ended by their deadline, at most {worst:.3f} s after it"
    yield f"refused {dict(told.refusals)}"
