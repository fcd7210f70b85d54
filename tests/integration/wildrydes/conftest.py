"""A small topology for the kernel's tests, with handlers whose effects can be counted."""

from __future__ import annotations

import base64
import json
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, ClassVar
from uuid import UUID

import psycopg
import pytest
from django.db import connection, transaction
from django.db.models import F
from django.test.utils import CaptureQueriesContext

from wildrydes import postgres, publishing, redis, subscriptions, topology
from wildrydes.consumer import Outcome, consume
from wildrydes.envelope import Envelope
from wildrydes.models import Dispatch, Receipt
from wildrydes.relay import Relay
from wildrydes.retry import RetryPolicy
from wildrydes.topology import Queue, Subscription, Topic, Topology, Workers

AT_ONCE = RetryPolicy(max_attempts=3, first=timedelta(milliseconds=1))


@pytest.fixture
def observer() -> Iterator[psycopg.Connection[Any]]:
    """Return a connection that looks at the one under test."""
    with psycopg.connect(**postgres.driver_parameters(), autocommit=True) as observer:
        yield observer


def last_sent(observer: psycopg.Connection[Any]) -> Sequence[str]:
    """Return the first word of each statement that this thread's connection sent last, together."""
    look = "SELECT query FROM pg_stat_activity WHERE pid = %s"
    pid = connection.connection.info.backend_pid
    (query,) = observer.execute(look, [pid]).fetchone() or ("",)
    return [statement.split()[0] for statement in str(query).split("\n;")]


def asked(captured: CaptureQueriesContext) -> Sequence[str]:
    """Return the statements that were captured; those that are planned by their own text."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, statement FROM pg_prepared_statements")
        planned = {name: text.partition(f"{name} AS ")[2] for name, text in cursor.fetchall()}
    return [
        re.sub(r"EXECUTE (\w+)", lambda found: planned[found[1]], str(entry["sql"]))
        for entry in captured
    ]


@dataclass(frozen=True)
class Happened:
    """The event of these tests."""

    number: int
    TYPE: ClassVar[str] = "v1.test.happened"

    def to_data(self) -> dict[str, Any]:
        return {"number": self.number}


@dataclass(frozen=True)
class Do:
    """The command of these tests."""

    number: int
    TYPE: ClassVar[str] = "v1.test.do"

    def to_data(self) -> dict[str, Any]:
        return {"number": self.number}


def small_topology(*, first: Mapping[str, Any] | None = None, **queue: Any) -> Topology:
    """Return a topology of two subscribers to one topic, one of them choosy, and one command.

    `first` changes the first subscription, `queue` both queues.
    """
    return Topology(
        topics=(Topic(name="tests", types=("v1.test.happened",)),),
        queues=(Queue(name="first", **queue), Queue(name="second", **queue)),
        subscriptions=(
            Subscription(
                **{
                    "name": "first.record",
                    "topics": ("tests",),
                    "queue": "first",
                    "retry": AT_ONCE,
                    **(first or {}),
                }
            ),
            Subscription(
                name="second.record",
                topics=("tests",),
                queue="second",
                filter={"number": [{"numeric": [">=", 10]}]},
                retry=AT_ONCE,
            ),
            Subscription(name="second.do", command="v1.test.do", queue="second", retry=AT_ONCE),
        ),
        workers=(Workers(name="all", queues=("first", "second")),),
    )


@dataclass
class Kernel:
    """What a kernel test drives: a relay, a wire it can look at, handlers that can be told to fail.

    `fails` holds the numbers whose handler raises after it has had its effect, `raises` what, where
    it is not a ValueError; `hangs` those whose handler does not end.
    """

    use: Callable[[Topology], None]
    relay: Relay = field(default_factory=Relay)
    fails: set[int] = field(default_factory=set)
    raises: dict[int, Exception] = field(default_factory=dict)
    hangs: set[int] = field(default_factory=set)
    relays: ExitStack = field(default_factory=ExitStack)

    def another_relay(self) -> Relay:
        """Return one relay more; its threads and connections end with the test."""
        return self.relays.enter_context(Relay())

    def run_relay(self) -> None:
        """Let the relay do everything that there is to do now."""
        while self.relay.turn():
            pass

    def publish(self, *numbers: int, group: str = "") -> list[UUID]:
        """Publish one event for each number, in one transaction."""
        with transaction.atomic():
            return publishing.publish_all(
                [publishing.Outgoing(body=Happened(number), group_id=group) for number in numbers]
            )

    def standing(self, queue: str) -> int:
        """Return how many Celery messages stand in a queue."""
        return int(redis.client().llen(queue))

    def on_the_wire(self, queue: str) -> list[dict[str, Any]]:
        """Return what stands in a queue, the next one last: headers, and of the body `embed`."""
        found = []
        for raw in redis.client().lrange(queue, 0, -1):
            message = json.loads(raw)
            found.append({**message["headers"], "embed": json.loads(message["body"])[2]})
        return found

    def let_leases_lapse(self) -> None:
        """Pretend that every lease has run out, and that nobody has looked for a while."""
        Dispatch.objects.update(lease_until=F("lease_until") - timedelta(days=1))
        self.relay._leases_checked_at = float("-inf")

    def take(self, queue: str) -> dict[str, Any] | None:
        """Take the next Celery message from a queue as a worker would; return its one argument."""
        raw = redis.client().rpop(queue)
        if raw is None:
            return None
        message = json.loads(raw)
        body = message["body"]
        if message["properties"].get("body_encoding") == "base64":
            body = base64.b64decode(body)
        (delivery,), _, _ = json.loads(body)
        return {**delivery, "task": message["headers"]["task"]}

    def work(self, queue: str) -> list[Outcome]:
        """Consume everything that stands in a queue."""
        outcomes = []
        while (body := self.take(queue)) is not None:
            outcomes.append(consume(subscription=body["task"], body=body))
        return outcomes

    def run_until_quiet(self) -> None:
        """Let relay and workers run until no message is on its way or waits to be tried again."""
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            self.relay.turn()
            if not self.work("first") and not self.work("second") and not self._is_under_way():
                return
        raise AssertionError("messages are still under way")

    def _is_under_way(self) -> bool:
        retrying = Receipt.objects.filter(status=Receipt.Status.RETRYING)
        return retrying.exists() or Dispatch.objects.exists()

    def sequence(self, name: str = "first") -> list[int]:
        """Return the numbers that took effect at a subscriber, in the order in which they did."""
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT number FROM kernel_test_effect WHERE subscription = %s ORDER BY at", [name]
            )
            return [number for (number,) in cursor.fetchall()]

    def effects(self) -> Counter[tuple[str, int]]:
        """Return how often each (subscription, number) took effect."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT subscription, number FROM kernel_test_effect")
            return Counter(cursor.fetchall())


@pytest.fixture(scope="session")
def _effect_table(django_db_setup: None, django_db_blocker: Any) -> None:
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute(
            "CREATE TABLE kernel_test_effect (subscription text, number int, message uuid,"
            " at bigserial)"
        )


@pytest.fixture
def kernel(
    _effect_table: None, transactional_db: None, wire: None, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Kernel]:
    """Return a kernel on real servers, with the small topology and an empty effect table."""

    def use(new: Topology) -> None:
        monkeypatch.setattr(topology, "current", lambda: new)

    kernel = Kernel(use=use)
    use(small_topology())
    monkeypatch.setattr(subscriptions, "_bindings", {})
    _bind_handlers(kernel)
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE kernel_test_effect")
    with kernel.relay, kernel.relays:
        yield kernel


def _bind_handlers(kernel: Kernel) -> None:
    def record(name: str, envelopes: Sequence[Envelope]) -> None:
        with connection.cursor() as cursor:
            for envelope in envelopes:
                number = envelope.data["number"]
                cursor.execute(
                    "INSERT INTO kernel_test_effect VALUES (%s, %s, %s)",
                    [name, number, envelope.id],
                )
                if number in kernel.fails:
                    raise kernel.raises.get(number, ValueError(f"{number} is refused"))
                if number in kernel.hangs:
                    time.sleep(30)

    @subscriptions.subscribe_batch("first.record")
    def record_first(envelopes: Sequence[Envelope]) -> None:
        record("first", envelopes)

    @subscriptions.subscribe("second.record")
    def record_second(envelope: Envelope) -> None:
        record("second", [envelope])

    @subscriptions.subscribe("second.do")
    def do(envelope: Envelope) -> None:
        record("do", [envelope])
