"""What has become of requests, asked of the database: when each was committed, and its close.

Commit times are Postgres' own, as in `bench.effects`, on both sides.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from bench.asking import names
from bench.running import Running

POLL_SECONDS = 0.1
PATIENCE_SECONDS = 30.0

OURS = """
SELECT extract(epoch FROM pg_xact_commit_timestamp(message.xmin))::float8,
    extract(epoch FROM pg_xact_commit_timestamp(scatter.xmin))::float8,
    (SELECT count(*) FROM wildrydes_response AS response
        WHERE response.scatter_id = scatter.id AND outcome = 'answered'),
    extract(epoch FROM scatter.closed_at - scatter.deadline_at)::float8
FROM wildrydes_scatter AS scatter JOIN wildrydes_message AS message ON message.id = scatter.id
WHERE scatter.status = 'closed' ORDER BY scatter.opened_at DESC LIMIT %s
"""

PEERS = """
SELECT extract(epoch FROM pg_xact_commit_timestamp(asked_in::text::xid))::float8,
    extract(epoch FROM pg_xact_commit_timestamp(rfq.xmin))::float8,
    (SELECT count(*) FROM asking_quote AS quote WHERE quote.rfq_id = rfq.id),
    0.0
FROM asking_rfq AS rfq WHERE status = 'closed' ORDER BY asked_in DESC LIMIT %s
"""

OUR_COUNT = "SELECT count(*) FROM wildrydes_scatter WHERE status = 'closed'"
PEER_COUNT = "SELECT count(*) FROM asking_rfq WHERE status = 'closed'"


@dataclass(frozen=True)
class Closing:
    """One request that was closed: moments in seconds, and how many had answered."""

    asked_at: float
    closed_at: float
    answers: int
    after_deadline: float

    @property
    def took(self) -> float:
        """Return seconds from the request's commit to the close's."""
        return self.closed_at - self.asked_at


def count(one: Running) -> int:
    """Return how many requests are closed."""
    return one.effects.number(OUR_COUNT if one.side.is_ours else PEER_COUNT)


def wait_for(one: Running, expected: int) -> None:
    """Wait until so many requests are closed, as long as more of them are."""
    seen, moved_at = -1, time.monotonic()
    while (found := count(one)) < expected:
        one.check()
        if found > seen:
            seen, moved_at = found, time.monotonic()
        elif time.monotonic() > moved_at + PATIENCE_SECONDS:
            raise RuntimeError(f"{one.side.name}: stuck at {found:,} of {expected:,} requests")
        time.sleep(POLL_SECONDS)


def newest(one: Running, requests: int) -> list[Closing]:
    """Return the closings of the requests that were made last."""
    query = OURS if one.side.is_ours else PEERS
    rows = one.effects.sql.execute(query.encode(), [requests]).fetchall()
    return [
        Closing(float(str(asked)), float(str(closed)), int(str(answers)), float(str(after)))
        for asked, closed, answers, after in rows
    ]


def refuse_incomplete(one: Running, closings: list[Closing]) -> None:
    """Raise `RuntimeError` when a request was closed without everyone's answer."""
    short = sum(1 for closing in closings if closing.answers < len(names.RESPONDERS))
    if short:
        raise RuntimeError(f"{one.side.name}: {short} requests were closed without all answers")


def rate(closings: list[Closing]) -> float:
    """Return requests a second, from the first one's commit to the last close's."""
    first = min(closing.asked_at for closing in closings)
    last = max(closing.closed_at for closing in closings)
    return len(closings) / (last - first)
