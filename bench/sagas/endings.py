"""What has become of sagas, asked of the database: when each was committed, and its end.

Commit times are Postgres' own, as in `bench.effects`, on every side; only of DBOS, which writes its
status row anew, the start is what the row says: the moment at which it was made. Of ours those of
the last hour are looked at: older ones are stored to be in the way.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from bench.running import Running
from bench.sagas import names

POLL_SECONDS = 0.1
PATIENCE_SECONDS = 30.0

OURS = """
SELECT saga.id, extract(epoch FROM pg_xact_commit_timestamp(event.xmin))::float8,
    extract(epoch FROM pg_xact_commit_timestamp(saga.xmin))::float8
FROM wildrydes_saga AS saga
JOIN wildrydes_sagaevent AS event ON event.saga_id = saga.id AND event.kind = 'started'
WHERE saga.definition = 'sagas.collect' AND saga.status = 'completed'
    AND saga.id > (SELECT uuidv7(interval '-1 hour'))
ORDER BY saga.id DESC LIMIT %s
"""
CHAINS = """
SELECT id, extract(epoch FROM pg_xact_commit_timestamp(started_in::text::xid))::float8,
    extract(epoch FROM pg_xact_commit_timestamp(xmin))::float8
FROM sagas_status WHERE status = 'completed' ORDER BY started_in DESC LIMIT %s
"""
WORKFLOWS = """
SELECT workflow_uuid::uuid, created_at / 1000.0::float8,
    extract(epoch FROM pg_xact_commit_timestamp(xmin))::float8
FROM dbos.workflow_status WHERE status = 'SUCCESS' ORDER BY created_at DESC LIMIT %s
"""
EFFECTS = """
SELECT count(*) FILTER (WHERE steps = %s) FROM (
    SELECT array_agg(step ORDER BY id) AS steps FROM sagas_effect
    WHERE saga_id = ANY(%s) GROUP BY saga_id
) AS left_by
"""
COUNTS = {
    OURS: """
SELECT count(*) FROM wildrydes_saga WHERE definition = 'sagas.collect' AND status = 'completed'
    AND id > (SELECT uuidv7(interval '-1 hour'))
""",
    CHAINS: "SELECT count(*) FROM sagas_status WHERE status = 'completed'",
    WORKFLOWS: "SELECT count(*) FROM dbos.workflow_status WHERE status = 'SUCCESS'",
}


@dataclass(frozen=True)
class Ending:
    """One saga that has ended: which, and the moments in seconds."""

    saga: object
    started_at: float
    ended_at: float

    @property
    def took(self) -> float:
        """Return seconds from the start's commit to the end's."""
        return self.ended_at - self.started_at


def count(one: Running) -> int:
    """Return how many sagas are completed."""
    return one.effects.number(COUNTS[_query(one)])


def wait_for(one: Running, expected: int) -> None:
    """Wait until so many sagas are completed, as long as more of them are."""
    seen, moved_at = -1, time.monotonic()
    while (found := count(one)) < expected:
        one.check()
        if found > seen:
            seen, moved_at = found, time.monotonic()
        elif time.monotonic() > moved_at + PATIENCE_SECONDS:
            raise RuntimeError(f"{one.side.name}: stuck at {found:,} of {expected:,} sagas")
        time.sleep(POLL_SECONDS)


def newest(one: Running, sagas: int) -> list[Ending]:
    """Return how the sagas ended that were started last.

    Raises `RuntimeError` when one of them has not left its five effects, once and in order.
    """
    rows = one.effects.sql.execute(_query(one).encode(), [sagas]).fetchall()
    found = [Ending(saga, float(str(began)), float(str(ended))) for saga, began, ended in rows]
    steps, ids = list(names.STEPS), [ending.saga for ending in found]
    row = one.effects.sql.execute(EFFECTS.encode(), [steps, ids]).fetchone()
    whole = int(str(row[0])) if row else 0
    if not whole == len(found) == sagas:
        raise RuntimeError(f"{one.side.name}: {whole} of {sagas} sagas left their five effects")
    return found


def rate(endings: Sequence[Ending]) -> float:
    """Return sagas a second, from the first one's start to the last one's end."""
    first = min(ending.started_at for ending in endings)
    last = max(ending.ended_at for ending in endings)
    return len(endings) / (last - first)


def _query(one: Running) -> str:
    if one.side.is_ours:
        return OURS
    return WORKFLOWS if one.side.name == "dbos" else CHAINS
