"""Throttler, its controls: what each queue may hand out a second, changed while it runs.

Guarantee: a change is one transaction with its record of who made it, and holds from the next time
that a relay claims, within a quarter of a second; it stays until it is changed again, also through
a restart and another topology.
Does not guarantee: anything about queues whose relay has another database.
Source: Hohpe and Woolf, Control Bus.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from math import isfinite
from typing import Any

from django.contrib.postgres.functions import TransactionNow
from django.db import connection, transaction

from wildrydes import topology
from wildrydes.errors import QueueLimitError
from wildrydes.models import OperatorAction, QueueLimit

QUEUES = """
SELECT queue.name, queue.per_second,
    CASE WHEN known.changed_at IS NULL THEN queue.per_second ELSE known.per_second END,
    coalesce(known.changed_by, ''), known.changed_at,
    coalesce(dispatches.waiting, 0), coalesce(dispatches.open, 0),
    extract(epoch FROM clock_timestamp() - dispatches.since)
FROM unnest(%s::text[], %s::float8[]) WITH ORDINALITY AS queue (name, per_second, place)
LEFT JOIN wildrydes_queue_limit AS known ON known.queue = queue.name
LEFT JOIN (
    SELECT queue, sum(size) FILTER (WHERE sent_at IS NULL) AS waiting,
        count(*) FILTER (WHERE sent_at IS NOT NULL) AS open,
        min(created_at) FILTER (WHERE sent_at IS NULL) AS since
    FROM wildrydes_dispatch GROUP BY queue
) AS dispatches ON dispatches.queue = queue.name
ORDER BY queue.place
"""


@dataclass(frozen=True)
class QueueState:
    """How one queue stands.

    `per_second` is what holds, `in_topology` what holds while nobody has changed it; none is no
    limit. `waiting` counts messages, `open` dispatches, `waits_seconds` is the age of the oldest.
    """

    name: str
    in_topology: float | None
    per_second: float | None
    changed_by: str
    changed_at: datetime | None
    waiting: int
    open: int
    waits_seconds: float | None


def overview() -> list[QueueState]:
    """Return how every queue stands, in the order of the topology."""
    queues = topology.current().queues
    with connection.cursor() as cursor:
        names, limits = [queue.name for queue in queues], [queue.per_second for queue in queues]
        cursor.execute(QUEUES, [names, limits])
        return [_state(*row) for row in cursor.fetchall()]


def in_force() -> dict[str, float]:
    """Return the limit of every queue that has one, in messages a second."""
    changed = dict(
        QueueLimit.objects.filter(changed_at__isnull=False).values_list("queue", "per_second")
    )
    limits = {
        queue.name: changed.get(queue.name, queue.per_second) for queue in topology.current().queues
    }
    return {name: limit for name, limit in limits.items() if limit is not None}


def limit(*, queue: str, per_second: float, by: str, reason: str = "") -> None:
    """Let a queue hand out at most so many messages a second, beginning with none.

    Raises `QueueLimitError` for an unknown queue, or what is no rate.
    """
    if not (isfinite(per_second) and per_second > 0):
        raise QueueLimitError("a limit has to be more than 0 messages a second")
    _change(queue, per_second, action="limit_queue", by=by, reason=reason)


def unlimit(*, queue: str, by: str, reason: str = "") -> None:
    """Let a queue hand out whatever its workers take, also where the topology has a limit.

    Raises `QueueLimitError` for an unknown queue.
    """
    _change(queue, None, action="unlimit_queue", by=by, reason=reason)


def restore(*, queue: str, by: str, reason: str = "") -> None:
    """Let the topology say again how much a queue hands out.

    Raises `QueueLimitError` for an unknown queue.
    """
    _refuse_unknown(queue)
    with transaction.atomic():
        QueueLimit.objects.filter(queue=queue).update(
            per_second=None, changed_by="", changed_at=None
        )
        _record(queue, action="restore_queue", by=by, detail={"reason": reason})


def _change(queue: str, per_second: float | None, *, action: str, by: str, reason: str) -> None:
    _refuse_unknown(queue)
    changed = {
        "per_second": per_second,
        "tokens": 0,
        "refilled_at": TransactionNow(),
        "changed_by": by,
        "changed_at": TransactionNow(),
    }
    with transaction.atomic():
        QueueLimit.objects.update_or_create(queue=queue, defaults=changed)
        _record(queue, action=action, by=by, detail={"per_second": per_second, "reason": reason})


def _refuse_unknown(queue: str) -> None:
    if queue not in {known.name for known in topology.current().queues}:
        raise QueueLimitError(f"the topology has no queue {queue!r}")


def _record(queue: str, *, action: str, by: str, detail: dict[str, Any]) -> None:
    OperatorAction.objects.create(by=by, action=action, detail={"queue": queue, **detail})


def _state(*row: Any) -> QueueState:
    name, in_topology, per_second, changed_by, changed_at, waiting, open_, age = row
    waits = None if age is None else max(0.0, float(age))
    return QueueState(
        name, in_topology, per_second, changed_by, changed_at, int(waiting), int(open_), waits
    )
