"""The examination: one finding for each way in which a message can be stuck."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.db import connection, transaction

from wildrydes import queue_limits, topology
from wildrydes.doctor import consumers, statements

MAX_AGE = timedelta(seconds=60)
PATIENCE = "SET LOCAL statement_timeout = '5s'"


@dataclass(frozen=True, kw_only=True)
class Check:
    """One thing to look for. `always_wrong` is so at any age, `never_wrong` at none."""

    name: str
    means: str
    statement: str
    always_wrong: bool = False
    never_wrong: bool = False


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What was found: how many, since when, and whether a person has to do something.

    `at_least` says that there are more than were counted. `by_subscription` has the counts of
    each, where that is known. `oldest` is none where there is nothing, or nothing was ever seen.
    """

    name: str
    means: str
    count: int
    oldest: timedelta | None
    wrong: bool
    at_least: bool = False
    by_subscription: Mapping[str, int] = field(default_factory=dict)


CHECKS = (
    Check(
        name="unrouted",
        means="Committed and due, and no relay has looked at it: no relay runs, or it waits.",
        statement=statements.UNROUTED,
    ),
    Check(
        name="unacknowledged",
        means="Sent longer ago than its lease, and not acknowledged: its queue is not worked on.",
        statement=statements.UNACKNOWLEDGED,
    ),
    Check(
        name="waiting",
        means="Waits for a place in its queue: more comes in than the workers can do.",
        statement=statements.WAITING,
    ),
    Check(
        name="held back",
        means="Waits in a queue that hands out only so much a second: somebody wants it so.",
        statement=statements.HELD_BACK,
        never_wrong=True,
    ),
    Check(
        name="untaken commands",
        means="A command that no subscription takes: it waits until one is in the topology.",
        statement=statements.UNTAKEN,
        always_wrong=True,
    ),
    Check(
        name="left behind",
        means="Its subscription has left the topology: it waits until that is back.",
        statement=statements.LEFT_BEHIND,
        always_wrong=True,
    ),
    Check(
        name="parked groups",
        means="Waits behind an earlier message of its group, which failed.",
        statement=statements.PARKED,
    ),
    Check(
        name="dead letters",
        means="Failed for good: a person has to redrive or discard it.",
        statement=statements.DEAD,
        always_wrong=True,
    ),
    Check(
        name="retries overdue",
        means="Its next attempt is due, and no relay has sent it.",
        statement=statements.RETRIES_OVERDUE,
    ),
    Check(
        name="retries lost",
        means="Is to be tried again, and neither has a time for that nor is on its way.",
        statement=statements.RETRIES_LOST,
    ),
    Check(
        name="requests overdue",
        means="Past its deadline, and not marked as timed out: no relay runs.",
        statement=statements.REQUESTS_OVERDUE,
    ),
    Check(
        name="scatters overdue",
        means="Past its deadline, and still open: no relay runs, or it cannot reach Postgres.",
        statement=statements.SCATTERS_OVERDUE,
    ),
    Check(
        name="aggregates failed",
        means="Ended without its event: the aggregate function raised. The scatter says what.",
        statement=statements.AGGREGATES_FAILED,
        always_wrong=True,
    ),
    Check(
        name="sagas stuck",
        means="Neither goes on nor back: a person has to retry, skip, supply or force it.",
        statement=statements.SAGAS_STUCK,
        always_wrong=True,
    ),
    Check(
        name="sagas overdue",
        means="Its time to be woken has come, and nobody did: no relay runs.",
        statement=statements.SAGAS_OVERDUE,
    ),
    Check(
        name="sagas out of time",
        means="Past the time that the whole may take, and not at its end.",
        statement=statements.SAGAS_OUT_OF_TIME,
    ),
)


def examine(*, max_age: timedelta = MAX_AGE) -> list[Finding]:
    """Look for everything that is stuck; what is older than `max_age` is wrong.

    Raises `DatabaseError` when Postgres cannot be asked, or does not answer in five seconds.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(PATIENCE)
        limited = queue_limits.in_force()
        found = [_find(check, cursor, limited=limited, max_age=max_age) for check in CHECKS]
        return [*found, _unseen(max_age=max_age)]


def _find(check: Check, cursor: Any, *, limited: Iterable[str], max_age: timedelta) -> Finding:
    queues = topology.current().queues
    most = statements.COUNTED_AT_MOST
    parameters = {
        "most": most + 1,
        "queues": [queue.name for queue in queues],
        "leases": [queue.lease for queue in queues],
        "limited": list(limited),
        "subscriptions": list(topology.current().homes),
    }
    cursor.execute(check.statement, parameters)
    rows = cursor.fetchall()
    counts: Counter[str] = Counter()
    for name, count, _ in rows:
        counts[name] += count or 0
    counts = +counts
    ages = [timedelta(seconds=max(0.0, float(age))) for _, _, age in rows if age is not None]
    oldest = max(ages, default=None)
    return Finding(
        name=check.name,
        means=check.means,
        count=sum(min(count, most) for count in counts.values()),
        at_least=any(count > most for count in counts.values()),
        oldest=oldest,
        wrong=bool(counts) and _is_wrong(check, oldest, max_age=max_age),
        by_subscription={name: min(count, most) for name, count in counts.items() if name},
    )


def _is_wrong(check: Check, oldest: timedelta | None, *, max_age: timedelta) -> bool:
    if check.never_wrong:
        return False
    return check.always_wrong or oldest is None or oldest > max_age


def _unseen(*, max_age: timedelta) -> Finding:
    limit = max_age.total_seconds()
    silences = consumers.silences()
    silent = {name: age for name, age in silences.items() if age is None or age > limit}
    ages = [timedelta(seconds=age) for age in silent.values() if age is not None]
    return Finding(
        name="consumers unseen",
        means="No worker that serves it was heard of: its messages wait.",
        count=len(silent),
        oldest=max(ages, default=None),
        wrong=bool(silent),
        by_subscription=dict.fromkeys(silent, 1),
    )
