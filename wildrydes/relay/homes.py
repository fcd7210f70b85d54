"""Homes: where the topology of now wants what was stored under another one.

Guarantee: what waits for a subscription that has moved goes out through its new queue, in order;
what is left of one that has gone out of the topology is kept, in no queue and on no wire, and goes
on when the subscription is back; what was parked goes on where no order is kept any more.
Does not guarantee: any of that at once. While relays of two topologies run side by side, as in a
rolling update, each puts things where it knows them to belong, and the last to look has its way.
"""

from __future__ import annotations

from collections import Counter

import structlog
from django.db import connection

from wildrydes import topology
from wildrydes.models import Dispatch

log = structlog.get_logger(__name__)

# What is nowhere is on no wire either: it has no lease that somebody would have to look at.
MOVE = """
WITH astray AS (
    SELECT dispatch.id, coalesce(home.queue, '') AS queue
    FROM wildrydes_dispatch AS dispatch
    LEFT JOIN unnest(%s::text[], %s::text[]) AS home (subscription, queue) USING (subscription)
    WHERE dispatch.queue <> coalesce(home.queue, '')
    ORDER BY dispatch.id FOR UPDATE OF dispatch SKIP LOCKED
)
UPDATE wildrydes_dispatch AS dispatch SET queue = astray.queue,
    sent_at = CASE WHEN astray.queue <> '' THEN dispatch.sent_at END,
    lease_until = CASE WHEN astray.queue <> '' THEN dispatch.lease_until END
FROM astray WHERE dispatch.id = astray.id
RETURNING dispatch.subscription, dispatch.queue
"""

LET_GO = """
UPDATE wildrydes_receipt SET status = 'retrying', next_attempt_at = clock_timestamp()
WHERE status = 'parked' AND subscription = ANY(%s)
"""


def has_home(dispatch: Dispatch) -> bool:
    """Say whether a dispatch is in the queue of its subscription, and that is known."""
    return topology.current().homes.get(dispatch.subscription) == dispatch.queue


def settle() -> None:
    """Put every dispatch into the queue of its subscription; let go who waits for no order.

    Any number of relays may call it at once.
    """
    now = topology.current()
    with connection.cursor() as cursor:
        cursor.execute(MOVE, [list(now.homes), list(now.homes.values())])
        moved = Counter(cursor.fetchall())
        cursor.execute(LET_GO, [[entry.name for entry in now.subscriptions if not entry.fifo]])
        released = cursor.rowcount
    for (subscription, queue), count in sorted(moved.items()):
        log.warning("dispatches_moved", subscription=subscription, queue=queue, count=count)
    if released:
        log.warning("parked_messages_go_on", count=released)
