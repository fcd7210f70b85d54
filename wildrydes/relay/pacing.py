"""Throttler: a queue with a limit hands out no more than so many messages a second.

Guarantee: of a limited queue at most one second's worth of messages goes out at once, and at most
`per_second` a second from then on, whatever number of relays and workers there is. Tokens are taken
in the transaction that claims; what has none waits in Postgres. A change holds from the next claim.
Does not guarantee: that a message which is sent again, for its lease has lapsed, waits for a token.
One that is tried again, or that Redis lost, does. Nor that a limit outlives a crash of Postgres:
what it had no time to write to disk, less than a second's worth, may go out again at once.
Source: Turner, New Directions in Communications (the leaky bucket as a meter).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection

from wildrydes.models import Dispatch, new_id

# Handing out one by one as tokens come would be a Celery message for each.
PORTION_SECONDS = 0.05

# The queues of the topology, with what each may hand out: `tokens` is null where there is no limit.
# A bucket that nobody has used, or that was filled at a time which the clock has gone back behind,
# is full.
QUEUES = """
SELECT queue.name, queue.max_open, rate.per_second,
    CASE WHEN rate.per_second IS NOT NULL THEN statement_timestamp() END AS looked_at,
    CASE WHEN rate.per_second IS NOT NULL THEN least(
        greatest(rate.per_second, 1), CASE
            WHEN bucket.refilled_at < statement_timestamp() + interval '1 second'
            THEN bucket.tokens + rate.per_second
                * greatest(0, extract(epoch FROM statement_timestamp() - bucket.refilled_at))
            ELSE 'infinity'
        END
    ) END AS tokens
FROM unnest(%s::text[], %s::int[], %s::float8[]) AS queue (name, max_open, per_second)
LEFT JOIN wildrydes_queue_limit AS bucket ON bucket.queue = queue.name
CROSS JOIN LATERAL (
    SELECT CASE WHEN bucket.changed_at IS NULL THEN queue.per_second ELSE bucket.per_second END
) AS rate (per_second)
"""

# Whoever claims has the turn: nobody else has taken tokens since they were looked at.
TAKE_TOKENS = """
INSERT INTO wildrydes_queue_limit (queue, tokens, refilled_at, changed_by)
SELECT taken.queue, taken.tokens, taken.looked_at, ''
FROM unnest(%s::text[], %s::float8[], %s::timestamptz[]) AS taken (queue, tokens, looked_at)
ON CONFLICT (queue) DO UPDATE SET tokens = excluded.tokens, refilled_at = excluded.refilled_at
"""


@dataclass
class Bucket:
    """The tokens of one limited queue at one moment, of which some are `taken`.

    None may be taken before there is a portion of them: a twentieth of a second's worth.
    """

    queue: str
    per_second: float
    tokens: float
    looked_at: datetime
    taken: int = field(default=0, init=False)

    @property
    def allowance(self) -> int:
        """Return how many messages may go now."""
        return int(self.tokens) - self.taken if self.tokens >= self._portion else 0

    @property
    def seconds(self) -> float:
        """Return in how many seconds there is a portion again; infinity where none was missing."""
        if self.allowance > 0:
            return float("inf")
        return max(0.0, (self._portion - self.tokens + self.taken) / self.per_second)

    @property
    def _portion(self) -> float:
        return max(1.0, self.per_second * PORTION_SECONDS)

    def cover(self, batch: Sequence[Dispatch]) -> list[Dispatch]:
        """Take tokens for as much of a batch as there are; return that. The last one may be cut."""
        covered = []
        for dispatch in batch:
            if not self.allowance:
                break
            fits = dispatch.size <= self.allowance
            covered.append(dispatch if fits else _cut(dispatch, self.allowance))
            self.taken += covered[-1].size
        return covered


def buckets(waiting: Iterable[Any]) -> dict[str, Bucket]:
    """Return the buckets of limited queues by name, each from one dispatch that waits there."""
    return {
        row.queue: Bucket(row.queue, row.per_second, row.tokens, row.looked_at)
        for row in waiting
        if row.tokens is not None
    }


def within_reach(
    going: Iterable[Sequence[Dispatch]], *, buckets: Mapping[str, Bucket]
) -> list[list[Dispatch]]:
    """Leave out, of the batches that would go, what no token is left for. Takes no tokens."""
    left = {name: bucket.allowance for name, bucket in buckets.items()}
    reached = [[item for item in batch if _is_reached(item, left)] for batch in going]
    return [batch for batch in reached if batch]


def cover(
    going: Iterable[Sequence[Dispatch]], *, buckets: Mapping[str, Bucket]
) -> list[list[Dispatch]]:
    """Take tokens for the batches; return what they cover, all of it where there is no limit.

    Must run inside the transaction that claims, with the ids of messages known.
    """
    covered = [
        buckets[batch[0].queue].cover(batch) if batch[0].queue in buckets else list(batch)
        for batch in going
    ]
    _take_tokens([bucket for bucket in buckets.values() if bucket.taken])
    return [batch for batch in covered if batch]


def _is_reached(dispatch: Dispatch, left: dict[str, int]) -> bool:
    if dispatch.queue not in left:
        return True
    left[dispatch.queue] -= dispatch.size
    return left[dispatch.queue] + dispatch.size > 0


def _take_tokens(buckets: Sequence[Bucket]) -> None:
    if not buckets:
        return
    names = [bucket.queue for bucket in buckets]
    left = [bucket.tokens - bucket.taken for bucket in buckets]
    moments = [bucket.looked_at for bucket in buckets]
    with connection.cursor() as cursor:
        cursor.execute(TAKE_TOKENS, [names, left, moments])


def _cut(dispatch: Dispatch, count: int) -> Dispatch:
    """Store the first messages of a waiting dispatch as one of their own, and return it.

    The others go on waiting under the old id: a late copy on the wire closes only them.
    """
    first = Dispatch(
        id=new_id(),
        subscription=dispatch.subscription,
        queue=dispatch.queue,
        source=dispatch.source,
        message_ids=dispatch.message_ids[:count],
        position=dispatch.position,
        groups=dispatch.groups,
        size=count,
        weight=dispatch.weight * count // dispatch.size,
        attempt=dispatch.attempt,
        created_at=dispatch.created_at,
    )
    first.save(force_insert=True)
    Dispatch.objects.filter(id=dispatch.id).update(
        message_ids=dispatch.message_ids[count:],
        size=dispatch.size - count,
        weight=dispatch.weight - first.weight,
    )
    return first
