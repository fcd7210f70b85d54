"""What has become of the events, asked of the database: how many effects, when, and how late.

Commit times are Postgres' own (`pg_xact_commit_timestamp`), so nothing in the measured processes
has to take the time, and what is not committed does not count.
"""

from __future__ import annotations

import time
from datetime import datetime

import psycopg

POLL_SECONDS = 0.1

COMMITS = """
SELECT pg_xact_commit_timestamp(xid) AS at, sum(rows)::bigint
FROM (SELECT xmin AS xid, count(*) AS rows FROM bench_service_effect GROUP BY xmin) AS written
GROUP BY at ORDER BY at
"""

LAGS = """
SELECT pg_xact_commit_timestamp(origin.xmin),
    extract(epoch FROM effect.last - pg_xact_commit_timestamp(origin.xmin))::float8
FROM (
    SELECT event_id, max(pg_xact_commit_timestamp(xmin)) AS last
    FROM bench_service_effect GROUP BY event_id
) AS effect JOIN {lag_origin}
ORDER BY 1
"""


class Effects:
    """The effects in one database."""

    def __init__(self, url: str, *, lag_origin: str) -> None:
        self._url, self._lag_origin = url, lag_origin
        self._connection: psycopg.Connection[tuple[object, ...]] | None = None

    @property
    def sql(self) -> psycopg.Connection[tuple[object, ...]]:
        """Return a connection of our own, past every measured process."""
        if self._connection is None or self._connection.closed:
            self._connection = psycopg.connect(self._url, autocommit=True)
        return self._connection

    def close(self) -> None:
        """Hang up."""
        if self._connection is not None:
            self._connection.close()

    def count(self) -> int:
        """Return how many effects are committed."""
        return self.number("SELECT count(*) FROM bench_service_effect")

    def number(self, query: str) -> int:
        """Return the one number that a query gives."""
        row = self.sql.execute(query.encode()).fetchone()
        return int(str(row[0])) if row and row[0] is not None else 0

    def clear(self) -> None:
        """Forget every effect and every peer's ride."""
        self.sql.execute("TRUNCATE bench_service_effect RESTART IDENTITY")

    def wait_for(self, expected: int, *, seconds: float) -> bool:
        """Wait for so many effects; say whether they came in time.

        While they cannot all be there yet only the sequence is asked, which costs nothing.
        """
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self._drawn() >= expected and self.count() >= expected:
                return True
            time.sleep(POLL_SECONDS)
        return self.count() >= expected

    def rate(self) -> float:
        """Return effects a second from the first commit, which does not count, to the last."""
        commits = self.sql.execute(COMMITS).fetchall()
        if len(commits) < 2:
            raise RuntimeError("there is no rate in fewer than two commits")
        first, last = _moment(commits[0][0]), _moment(commits[-1][0])
        return sum(int(str(row[1])) for row in commits[1:]) / (last - first).total_seconds()

    def lags(self) -> list[float]:
        """Return, in order of the events' commits, seconds from that to the last effect's commit.

        Only what has an effect is there: whether it has all five is a matter of `count`.
        """
        query = LAGS.replace("{lag_origin}", self._lag_origin)
        return [float(str(row[1])) for row in self.sql.execute(query.encode()).fetchall()]

    def _drawn(self) -> int:
        return self.number("SELECT last_value FROM bench_service_effect_id_seq")


def _moment(value: object) -> datetime:
    assert isinstance(value, datetime)
    return value
