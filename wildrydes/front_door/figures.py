"""The figures of the messaging system, read from the tables when they are asked for.

Guarantee: each costs the same at a million messages as at ten, but for what is waiting.
Does not guarantee: that the number of receipts which are done is exact. Up to
`COUNTED_BYTES` of receipts they are counted; beyond, estimated from Postgres's statistics.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping

import structlog
from django.db import DatabaseError, connection
from django.db.models import Count, Sum
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from redis.exceptions import RedisError

from wildrydes import queue_limits, redis, saga, topology
from wildrydes.front_door.patience import Question
from wildrydes.models import Dispatch, Receipt, Saga

ANSWER_WITHIN_SECONDS = 3.0
COUNTED_BYTES = 16 * 1024 * 1024
UNDER_WAY = (Saga.Status.RUNNING, Saga.Status.COMPENSATING, Saga.Status.STUCK)

log = structlog.get_logger(__name__)

RELAY_LAG = """
SELECT extract(epoch FROM clock_timestamp() - greatest(unrouted.due_at, message.published_at))
FROM wildrydes_unrouted AS unrouted JOIN wildrydes_message AS message USING (position)
WHERE unrouted.due_at <= now() ORDER BY unrouted.due_at, unrouted.position LIMIT 1
"""

ESTIMATED_BY_SUBSCRIPTION = """
SELECT common.subscription, (common.share * greatest(class.reltuples, 0))::bigint
FROM pg_class AS class
JOIN pg_stats AS stats ON stats.tablename = class.relname AND stats.attname = 'subscription'
CROSS JOIN unnest(stats.most_common_vals::text::text[], stats.most_common_freqs)
    AS common (subscription, share)
WHERE class.oid = 'wildrydes_receipt'::regclass
"""


def relay_lag_seconds() -> float:
    """Return the age of the oldest message that is due and that no relay has routed; 0 if none."""
    with connection.cursor() as cursor:
        cursor.execute(RELAY_LAG)
        row = cursor.fetchone()
    return max(0.0, float(row[0])) if row else 0.0


def waiting_messages() -> dict[str, int]:
    """Return, for each queue, how many messages wait in Postgres for a place on the wire."""
    waiting = Dispatch.objects.filter(sent_at__isnull=True).values_list("queue")
    return _for_each_queue(waiting.annotate(Sum("size")))


def open_dispatches() -> dict[str, int]:
    """Return, for each queue, how many dispatches are on the wire or in work."""
    sent = Dispatch.objects.filter(sent_at__isnull=False).values_list("queue")
    return _for_each_queue(sent.annotate(Count("id")))


def tasks_on_the_wire() -> dict[str, int]:
    """Return, for each queue, how many Celery messages lie in Redis. Raises `RedisError`."""
    names = list(_for_each_queue([]))
    with redis.client().pipeline(transaction=False) as pipeline:
        for name in names:
            pipeline.llen(name)
        return dict(zip(names, pipeline.execute(), strict=True))


def receipts() -> dict[tuple[str, str], int]:
    """Return the number of receipts by subscription and status."""
    not_done = Receipt.objects.exclude(status=Receipt.Status.DONE)
    found = {
        (subscription, status): count
        for subscription, status, count in not_done.values_list("subscription", "status").annotate(
            Count("id")
        )
    }
    done = _estimated_receipts(found) if _receipts_bytes() > COUNTED_BYTES else _counted_done()
    return found | {(name, Receipt.Status.DONE.value): count for name, count in done.items()}


def _receipts_bytes() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_relation_size('wildrydes_receipt')")
        return int(cursor.fetchone()[0])


def _counted_done() -> dict[str, int]:
    done = Receipt.objects.filter(status=Receipt.Status.DONE).values_list("subscription")
    return dict(done.annotate(Count("id")))


def _estimated_receipts(not_done: Mapping[tuple[str, str], int]) -> dict[str, int]:
    with connection.cursor() as cursor:
        cursor.execute(ESTIMATED_BY_SUBSCRIPTION)
        found = dict(cursor.fetchall())
    for (subscription, _), count in not_done.items():
        if subscription in found:
            found[subscription] = max(0, found[subscription] - count)
    return found


def sagas() -> dict[tuple[str, str], int]:
    """Return the number of sagas that have not ended, by definition and status."""
    names = {item.name for item in saga.definitions()}
    under_way = Saga.objects.filter(definition__in=names, status__in=UNDER_WAY)
    found = under_way.values_list("definition", "status").annotate(Count("id"))
    known = {(name, status.value): 0 for name in names for status in UNDER_WAY}
    return known | {(name, status): count for name, status, count in found}


def _for_each_queue(found: Iterable[tuple[str, int]]) -> dict[str, int]:
    return {queue.name: 0 for queue in topology.current().queues} | dict(found)


class Figures(Collector):
    """What Prometheus reads beside the counters of the processes."""

    def collect(self) -> Iterator[Metric]:
        """Yield every gauge; those of a server that is away are missing, and its `_up` is 0."""
        deadline = time.monotonic() + ANSWER_WITHIN_SECONDS
        postgres, redis_ = Question(_read_postgres), Question(_read_redis)
        yield from _answered("postgres", postgres, deadline=deadline)
        yield from _answered("redis", redis_, deadline=deadline)


def _answered(server: str, gauges: Question[list[Metric]], *, deadline: float) -> Iterator[Metric]:
    try:
        found = gauges.answer(deadline=deadline)
    except (DatabaseError, RedisError, TimeoutError) as error:
        log.warning("figures are missing", server=server, error=str(error))
        found = []
    name = f"wildrydes_{server}_up"
    yield GaugeMetricFamily(name, f"Whether {server} answers.", value=bool(found))
    yield from found


def _read_postgres() -> list[Metric]:
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = '2s'")
    age = GaugeMetricFamily(
        "wildrydes_oldest_unrouted_age_seconds",
        "The relay's lag: the age of the oldest message that is due and not routed.",
        value=relay_lag_seconds(),
    )
    by_status = GaugeMetricFamily(
        "wildrydes_receipts",
        "Receipts by status. The number of those done is estimated in a large table.",
        labels=["subscription", "status"],
    )
    for labels, count in receipts().items():
        by_status.add_metric(labels, count)
    by_saga = GaugeMetricFamily(
        "wildrydes_sagas",
        "Sagas that have not ended: running, compensating, or stuck and in need of a person.",
        labels=["definition", "status"],
    )
    for labels, count in sagas().items():
        by_saga.add_metric(labels, count)
    return [
        age,
        by_status,
        by_saga,
        _by_queue("waiting_messages", "Messages that wait in Postgres.", waiting_messages()),
        _by_queue("open_dispatches", "Dispatches on the wire or in work.", open_dispatches()),
        _by_queue(
            "limit_per_second",
            "Messages a second that a queue hands out at most; only of those that have a limit.",
            queue_limits.in_force(),
        ),
    ]


def _read_redis() -> list[Metric]:
    on_the_wire = tasks_on_the_wire()
    return [_by_queue("tasks_on_the_wire", "Celery messages that lie in Redis.", on_the_wire)]


def _by_queue(name: str, text: str, values: Mapping[str, float]) -> Metric:
    gauge = GaugeMetricFamily(f"wildrydes_queue_{name}", text, labels=["queue"])
    for queue, value in values.items():
        gauge.add_metric([queue], value)
    return gauge
