"""Heartbeat: workers say which subscriptions they serve, so that silence can be noticed."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import connection

from wildrydes import subscriptions, topology

SEEN = """
INSERT INTO wildrydes_consumer AS known (subscription, queue, worker, first_seen, last_seen)
SELECT seen.subscription, seen.queue, %s, clock_timestamp(), clock_timestamp()
FROM unnest(%s::text[], %s::text[]) AS seen (subscription, queue) ORDER BY seen.subscription
ON CONFLICT (subscription, worker) DO UPDATE
SET queue = excluded.queue, last_seen = excluded.last_seen
"""

# The last one to serve a subscription is remembered, so that it can be said since when it is gone.
FORGET = """
DELETE FROM wildrydes_consumer AS old WHERE last_seen < clock_timestamp() - interval '1 day'
    AND EXISTS (
        SELECT 1 FROM wildrydes_consumer AS newer
        WHERE newer.subscription = old.subscription AND newer.last_seen > old.last_seen
    )
"""

SILENCES = """
SELECT wanted.name, extract(epoch FROM clock_timestamp() - max(consumer.last_seen))
FROM unnest(%s::text[]) AS wanted (name)
LEFT JOIN wildrydes_consumer AS consumer ON consumer.subscription = wanted.name
GROUP BY wanted.name
"""


def seen(*, worker: str, subscriptions: Sequence[str]) -> None:
    """Record that this worker is there and serves these subscriptions. Call it every 10 seconds.

    Raises `ConfigurationError` for a subscription that is not in the topology.
    """
    names = sorted(set(subscriptions))
    queues = [topology.current().subscription(name).queue for name in names]
    with connection.cursor() as cursor:
        cursor.execute(SEEN, [worker, names, queues])


def forget() -> int:
    """Forget workers that were not seen for a day, where others serve the same; count them."""
    with connection.cursor() as cursor:
        cursor.execute(FORGET)
        return int(cursor.rowcount)


def silences() -> dict[str, float | None]:
    """Return, for each subscription whose handler is installed here, how long it is silent.

    In seconds; none where it was never heard of.
    """
    here = {binding.subscription for binding in subscriptions.bindings()}
    known = {entry.name for entry in topology.current().subscriptions}
    with connection.cursor() as cursor:
        cursor.execute(SILENCES, [sorted(here & known)])
        return {name: None if age is None else float(age) for name, age in cursor.fetchall()}
