"""Visibility timeout, in Postgres: what was sent and not acknowledged is sent again.

Guarantee: a dispatch that Redis or a worker lost is sent again when its lease has lapsed, and all
of them at once when Redis lost its data. What still stands in its queue is left there, so that a
consumer which is down for a day does not find a day of copies.
Does not guarantee: that nothing is sent twice; receipts absorb it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta

from django.db import connection, transaction

from wildrydes import redis, topology
from wildrydes.models import Dispatch
from wildrydes.relay import sending

CHECKED_AT_MOST = 500
TRUSTED_LEASES = 10

LAPSED = """
SELECT *, clock_timestamp() - sent_at AS silence FROM wildrydes_dispatch
WHERE sent_at IS NOT NULL AND lease_until <= clock_timestamp()
ORDER BY lease_until LIMIT %s FOR UPDATE SKIP LOCKED
"""

EXTEND = """
UPDATE wildrydes_dispatch AS dispatch SET lease_until = clock_timestamp() + waiting.lease
FROM unnest(%s::uuid[], %s::interval[]) AS waiting (id, lease) WHERE dispatch.id = waiting.id
"""


def end_all_if_redis_lost_its_data(*, origin: str) -> bool:
    """Let every lease lapse when Redis has forgotten the current epoch; say whether it had.

    The epoch is a key that this database's relays keep in Redis. Whoever finds it missing sets a
    new one and so is the one that acts.
    """
    forgotten = redis.client().set(f"wildrydes:epoch:{origin}", b"1", nx=True)
    if forgotten:
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE wildrydes_dispatch SET lease_until = now() WHERE sent_at IS NOT NULL"
            )
    return bool(forgotten)


def claim_lapsed() -> list[Dispatch]:
    """Return the dispatches that have to go on the wire again, marked sent and leased anew."""
    with transaction.atomic():
        lapsed = list(Dispatch.objects.raw(LAPSED, [CHECKED_AT_MOST]))
        by_queue: dict[str, list[Dispatch]] = defaultdict(list)
        for dispatch in lapsed:
            by_queue[dispatch.queue].append(dispatch)
        lost = [item for name, queued in by_queue.items() for item in _lost(name, queued)]
        sending.mark_sent(lost)
        taken = {dispatch.id for dispatch in lost}
        _extend([dispatch for dispatch in lapsed if dispatch.id not in taken])
    return lost


def _lost(queue: str, lapsed: Sequence[Dispatch]) -> list[Dispatch]:
    """Return those that cannot be standing in the queue, oldest first.

    A queue that holds fewer entries than are open has lost, or is working on, the difference.
    Entries of other databases or copies can hide a loss; so nothing is trusted to stand there
    for more than ten leases.
    """
    open_count = Dispatch.objects.filter(queue=queue, sent_at__isnull=False).count()
    standing = int(redis.client().llen(queue))
    missing = max(0, open_count - standing)
    longest = topology.current().queue(queue).lease * TRUSTED_LEASES
    return [
        dispatch
        for index, dispatch in enumerate(lapsed)
        if index < missing or _silence(dispatch) > longest
    ]


def _silence(dispatch: Dispatch) -> timedelta:
    silence: timedelta = dispatch.silence  # type: ignore[attr-defined]
    return silence


def _extend(dispatches: Sequence[Dispatch]) -> None:
    if not dispatches:
        return
    leases = [topology.current().queue(dispatch.queue).lease for dispatch in dispatches]
    with connection.cursor() as cursor:
        cursor.execute(EXTEND, [[dispatch.id for dispatch in dispatches], leases])
