"""Visibility timeout, in Postgres: what was sent and not acknowledged is sent again.

Guarantee: a dispatch that Redis or a worker lost is sent again when its lease has lapsed, and all
of them at once when Redis lost its data. What a worker says it is at work on is left to it, and
what still stands in its queue is left there, so that a consumer which is down for a day does not
find a day of copies.
Does not guarantee: that nothing is sent twice; receipts absorb it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta

from django.db import connection, transaction
from django.db.models import F

from wildrydes import redis, topology, wire
from wildrydes.answering import carrier
from wildrydes.models import Dispatch
from wildrydes.relay import sending

CHECKED_AT_MOST = 500
TRUSTED_LEASES = 10
DOUBLINGS_AT_MOST = 16

LAPSED = """
SELECT *, clock_timestamp() - sent_at AS silence FROM wildrydes_dispatch
WHERE sent_at IS NOT NULL AND lease_until <= clock_timestamp()
ORDER BY lease_until LIMIT %s FOR UPDATE SKIP LOCKED
"""

LOOK_AGAIN_SOON = """
UPDATE wildrydes_dispatch AS dispatch
SET lease_until = statement_timestamp() + interval '250 milliseconds'
    + silent.place * interval '1 microsecond'
FROM unnest(%s::uuid[]) WITH ORDINALITY AS silent (id, place)
WHERE dispatch.id = silent.id
"""


def let_all_wait_if_redis_lost_its_data(*, origin: str) -> bool:
    """Let every open dispatch wait anew when Redis has forgotten the current epoch.

    Say whether it had. The epoch is a key that this database's relays keep in Redis; whoever finds
    it missing sets a new one, and so is the one that acts. The loss is nobody's fault: it does not
    count as an attempt.
    """
    forgotten = redis.client().set(f"wildrydes:epoch:{origin}", b"1", nx=True)
    if forgotten:
        Dispatch.objects.filter(sent_at__isnull=False).update(
            sent_at=None, lease_until=None, attempt=F("attempt") - 1
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
        _look_again_soon([dispatch for dispatch in lapsed if dispatch.id not in taken])
    return lost


def _lost(queue: str, lapsed: Sequence[Dispatch]) -> list[Dispatch]:
    """Return those that neither stand in the queue nor are at work, oldest first.

    A queue that holds fewer entries than are open has lost, or is working on, the difference.
    What was answered waits for its answers to be recorded, in its gathering's queue. Entries of
    other databases or copies can hide a loss; so none is trusted to stand there for ever, though
    for longer each time.
    """
    open_count = Dispatch.objects.filter(queue=queue, sent_at__isnull=False).count()
    with redis.client().pipeline(transaction=False) as pipeline:
        pipeline.llen(queue)
        pipeline.mget([wire.at_work_key(dispatch.id) for dispatch in lapsed])
        standing, at_work = pipeline.execute()
    silent = [item for item, sign in zip(lapsed, at_work, strict=True) if sign is None]
    answered = carrier.answered(queue)
    unheard = [item for item in silent if item.id not in answered]
    missing = max(0, open_count - standing - len(answered) - (len(lapsed) - len(silent)))
    lost = {dispatch.id for dispatch in unheard[:missing]}
    return [item for item in silent if item.id in lost or _silence(item) > _trust(item)]


def _trust(dispatch: Dispatch) -> timedelta:
    """Return for how long a dispatch is believed to stand in its queue."""
    lease = topology.current().queue(dispatch.queue).lease
    doublings = min(dispatch.attempt, DOUBLINGS_AT_MOST)
    return lease * (TRUSTED_LEASES << doublings)


def _silence(dispatch: Dispatch) -> timedelta:
    silence: timedelta = dispatch.silence  # type: ignore[attr-defined]
    return silence


def _look_again_soon(dispatches: Sequence[Dispatch]) -> None:
    if dispatches:
        with connection.cursor() as cursor:
            cursor.execute(LOOK_AGAIN_SOON, [[dispatch.id for dispatch in dispatches]])
