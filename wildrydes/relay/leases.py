"""Visibility timeout, in Postgres: what was sent and not acknowledged is sent again.

Guarantee: a dispatch that Redis or a worker lost is sent again when its lease has lapsed, and all
of them at once when Redis lost its data. What a worker says it is at work on is left to it, and
what still stands in its queue is left there, so that a consumer which is down for a day does not
find a day of copies.
Does not guarantee: that nothing is sent twice; receipts absorb it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import cache

from django.db import connection, transaction
from django.db.models import F

from wildrydes import redis, wire
from wildrydes.answering import carrier
from wildrydes.models import Dispatch
from wildrydes.relay import homes, sending

CHECKED_AT_MOST = 500

LAPSED = """
SELECT * FROM wildrydes_dispatch
WHERE sent_at IS NOT NULL AND lease_until <= clock_timestamp()
ORDER BY lease_until LIMIT %s FOR UPDATE SKIP LOCKED
"""

# The id of a Celery message stands at its end. What is none of ours, or no message, has another.
STANDING = """
local ids = {}
if redis.call('TYPE', KEYS[1]).ok ~= 'list' then return ids end
for _, entry in ipairs(redis.call('LRANGE', KEYS[1], 0, -1)) do
    local id = string.match(string.sub(entry, -ARGV[1]), '"correlation_id": *"([%x-]+)"')
    if id then ids[#ids + 1] = id end
end
return ids
"""
END_OF_A_MESSAGE = 4_000

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
        found = Dispatch.objects.raw(LAPSED, [CHECKED_AT_MOST])
        lapsed = [dispatch for dispatch in found if homes.has_home(dispatch)]
        by_queue: dict[str, list[Dispatch]] = defaultdict(list)
        for dispatch in lapsed:
            by_queue[dispatch.queue].append(dispatch)
        gone = {queue: _gone(queue, queued) for queue, queued in by_queue.items()}
        lost = list(_unanswered(gone))
        sending.mark_sent(lost)
        taken = {dispatch.id for dispatch in lost}
        _look_again_soon([dispatch for dispatch in lapsed if dispatch.id not in taken])
    return lost


def _gone(queue: str, lapsed: Sequence[Dispatch]) -> list[Dispatch]:
    """Return those that neither stand in the queue nor are at work, oldest first."""
    there = _standing(queue)
    at_work = redis.client().mget([wire.at_work_key(dispatch.id) for dispatch in lapsed])
    silent = [item for item, sign in zip(lapsed, at_work, strict=True) if sign is None]
    return [item for item in silent if str(item.id) not in there]


def _unanswered(gone: Mapping[str, Sequence[Dispatch]]) -> Iterator[Dispatch]:
    """Yield, of what is gone from its queue, that whose answers do not wait to be recorded.

    Answers are looked for last: that is the way they go.
    """
    standing = cache(_standing)
    for queue, dispatches in gone.items():
        if dispatches:
            answers = set[str]().union(*map(standing, carrier.queues_of_answers(queue)))
            yield from (
                item for item in dispatches if str(carrier.record_id(item.id)) not in answers
            )


def _standing(queue: str) -> set[str]:
    """Return the ids of the tasks that stand in a queue; those of strangers may be anything.

    In a key of another kind nothing stands.
    """
    found = redis.client().eval(STANDING, 1, queue, END_OF_A_MESSAGE)
    return {each.decode() for each in found}


def _look_again_soon(dispatches: Sequence[Dispatch]) -> None:
    if dispatches:
        with connection.cursor() as cursor:
            cursor.execute(LOOK_AGAIN_SOON, [[dispatch.id for dispatch in dispatches]])
