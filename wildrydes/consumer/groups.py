"""Message groups: inside a group, effects happen in the order of positions.

Guarantee: while a message of a group is in work no other of it is; a message is not handled while
an earlier one of its group is unfinished here, it is parked behind it.
Does not guarantee: an order between groups, or among messages without a group.
Source: Hohpe and Woolf, Resequencer; the FIFO queues of cloud providers.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from typing import Protocol
from uuid import UUID

from django.db import connection
from psycopg.types.json import Jsonb

from wildrydes.consumer.reading import Item
from wildrydes.topology import OnDead, Subscription

# In one order for everybody, so that two workers cannot lock each other out.
LOCK = """
SELECT pg_advisory_xact_lock(key) FROM (
    SELECT DISTINCT hashtextextended(%s || ' ' || name, 0) AS key FROM unnest(%s::text[]) AS name
    ORDER BY key
) AS keys
"""

UNFINISHED = """
SELECT group_id, position FROM wildrydes_receipt
WHERE subscription = %s AND group_id = ANY(%s) AND group_id <> ''
    AND status IN ('retrying', 'parked', 'dead') AND status = ANY(%s)
"""

PARK = """
UPDATE wildrydes_receipt AS receipt SET status = 'parked', done_at = NULL,
    next_attempt_at = NULL, attempts = incoming.attempts, message = incoming.event
FROM unnest(%s::uuid[], %s::int[], %s::jsonb[]) AS incoming (id, attempts, event)
WHERE receipt.subscription = %s AND receipt.message_id = incoming.id
"""

RELEASE = """
UPDATE wildrydes_receipt AS parked SET status = 'retrying', next_attempt_at = clock_timestamp()
WHERE parked.subscription = %s AND parked.group_id = ANY(%s) AND parked.group_id <> ''
    AND parked.status IN ('retrying', 'parked', 'dead') AND parked.status = 'parked'
    AND NOT EXISTS (
        SELECT 1 FROM wildrydes_receipt AS ahead
        WHERE ahead.subscription = parked.subscription AND ahead.group_id = parked.group_id
            AND ahead.status IN ('retrying', 'parked', 'dead') AND ahead.group_id <> ''
            AND ahead.status = ANY(%s) AND ahead.position < parked.position
    )
"""


class Order(Protocol):
    """Who may go now, among the messages of one delivery."""

    def admits(self, item: Item) -> bool:
        """Say whether no earlier message of the item's group is unfinished."""

    def finished(self, item: Item) -> None:
        """Note that the item no longer stands in anyone's way."""

    def failed(self, item: Item) -> None:
        """Note that the item stands in the way of the later ones of its group."""


class AnyOrder:
    """The order of a subscription that keeps none."""

    def admits(self, item: Item) -> bool:
        """Admit everyone."""
        return True

    def finished(self, item: Item) -> None:
        """Nobody was waiting."""

    def failed(self, item: Item) -> None:
        """Nobody has to wait."""


class GroupOrder:
    """The order of a FIFO subscription. Holds its groups' locks until the transaction ends."""

    def __init__(self, *, subscription: Subscription, items: Sequence[Item]) -> None:
        self._unfinished: dict[str, set[int]] = defaultdict(set)
        groups = [item.envelope.group_id for item in items if item.envelope.group_id]
        with connection.cursor() as cursor:
            cursor.execute(LOCK, [subscription.name, groups])
            statuses = ["retrying", *_waiting(subscription.on_dead)]
            cursor.execute(UNFINISHED, [subscription.name, groups, statuses])
            for group, position in cursor.fetchall():
                self._unfinished[group].add(position)

    def admits(self, item: Item) -> bool:
        """Say whether no earlier message of the item's group is unfinished."""
        ahead = self._unfinished.get(item.envelope.group_id, ())
        return not any(position < item.envelope.position for position in ahead)

    def finished(self, item: Item) -> None:
        """Note that the item no longer stands in anyone's way."""
        self._unfinished[item.envelope.group_id].discard(item.envelope.position)

    def failed(self, item: Item) -> None:
        """Note that the item stands in the way of the later ones of its group."""
        if item.envelope.group_id:
            self._unfinished[item.envelope.group_id].add(item.envelope.position)


def order_of(subscription: Subscription, items: Sequence[Item]) -> Order:
    """Return the order in which the items may go. Must run inside the handling transaction."""
    if subscription.fifo:
        return GroupOrder(subscription=subscription, items=items)
    return AnyOrder()


def park(*, subscription: str, parked: Iterable[tuple[Item, int]]) -> None:
    """Let messages wait behind an earlier one; each comes with its attempts so far."""
    rows = list(parked)
    if not rows:
        return
    ids: list[UUID] = [item.id for item, _ in rows]
    attempts = [count for _, count in rows]
    events = [Jsonb(dict(item.event)) for item, _ in rows]
    with connection.cursor() as cursor:
        cursor.execute(PARK, [ids, attempts, events, subscription])


def release(*, subscription: str, groups: Collection[str], on_dead: OnDead = "park") -> int:
    """Let the parked messages of these groups go on, where nothing is ahead of them; count them.

    Must run in the transaction in which what was ahead of them ended, after it is recorded.
    """
    names = [name for name in groups if name]
    if not names:
        return 0
    ahead = ["retrying", *(["dead"] if on_dead == "park" else [])]
    with connection.cursor() as cursor:
        cursor.execute(LOCK, [subscription, names])
        cursor.execute(RELEASE, [subscription, names, ahead])
        return int(cursor.rowcount)


def release_where_ordered(subscription: Subscription, groups: Collection[str]) -> None:
    """Let the parked messages of these groups go on, where order is kept. As `release`."""
    if subscription.fifo:
        release(subscription=subscription.name, groups=groups, on_dead=subscription.on_dead)


def _waiting(on_dead: OnDead) -> tuple[str, ...]:
    return ("parked", "dead") if on_dead == "park" else ("parked",)
