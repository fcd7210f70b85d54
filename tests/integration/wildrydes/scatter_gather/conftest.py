"""A gathering with three responders in one database, whose answers the tests choose."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, ClassVar
from uuid import UUID

import celery
import kombu
import psycopg
import pytest
from django.db import connection, transaction
from django.db.models import F

from tests.integration.wildrydes.conftest import AT_ONCE, Kernel
from wildrydes import postgres, scatter_gather
from wildrydes.consumer import answering
from wildrydes.envelope import Envelope
from wildrydes.models import Message, Response, Scatter
from wildrydes.scatter_gather import Answer, Entry, Question, aggregates
from wildrydes.topology import Queue, Subscription, Topic, Topology, Workers

GATHERING = "asker.gather"
MINUTE = timedelta(minutes=1)
RESPONDERS = ("ann", "bob", "eve")


@dataclass(frozen=True)
class Asked:
    """The question of these tests."""

    number: int
    TYPE: ClassVar[str] = "v1.test.asked"

    def to_data(self) -> dict[str, Any]:
        return {"number": self.number}


@dataclass(frozen=True)
class Gathered:
    """What the aggregate makes of the answers."""

    said: Sequence[Sequence[str]]
    TYPE: ClassVar[str] = "v1.test.gathered"

    def to_data(self) -> dict[str, Any]:
        return {"said": [list(pair) for pair in self.said]}


def topology_of(*responders: str) -> Topology:
    """Return a topology in which these answer, each on a queue of its own; `ann` is choosy."""
    queues = ("asker", *responders)
    return Topology(
        topics=(
            Topic(name="questions", types=("v1.test.asked",)),
            Topic(name="answers", types=("v1.test.gathered",)),
        ),
        queues=tuple(Queue(name=name) for name in queues),
        subscriptions=(
            Subscription(name=GATHERING, replies=("v1.test.said",), queue="asker", retry=AT_ONCE),
            *(
                Subscription(
                    name=f"{name}.answer",
                    topics=("questions",),
                    queue=name,
                    retry=AT_ONCE,
                    responder=name,
                    answers_to=GATHERING,
                    filter={"number": [{"numeric": ["<", 100]}]} if name == "ann" else {},
                )
                for name in responders
            ),
        ),
        workers=(Workers(name="all", queues=queues),),
    )


@dataclass
class Gathering:
    """Drives a kernel in which `answers` says what each responder returns, or raises."""

    kernel: Kernel
    answers: dict[str, Answer | Exception | None] = field(default_factory=dict)
    calls: list[tuple[str, list[int]]] = field(default_factory=list)
    requests: dict[str, list[Envelope]] = field(default_factory=dict)
    raises_for: set[int] = field(default_factory=set)
    loses_postgres: bool = False

    def ask(self, number: int = 1, *, deadline: timedelta = MINUTE, **options: Any) -> UUID:
        """Ask in a transaction; return the scatter's id."""
        with transaction.atomic():
            return scatter_gather.ask(
                Asked(number), gathering=GATHERING, deadline=deadline, **options
            )

    def record(self, scatter_id: UUID, responder: str, answer: Answer) -> Response:
        """Record in a transaction."""
        with transaction.atomic():
            return scatter_gather.record(scatter_id, responder=responder, answer=answer)

    def work(self) -> bool:
        """Let every worker do what stands in its queue; say whether anything was done."""
        outcomes = [self.kernel.work(name) for name in ("asker", *RESPONDERS)]
        return any(outcomes)

    def run(self) -> None:
        """Let relay and workers do everything that there is to do."""
        while self.kernel.relay.turn() or self.work():
            pass

    def run_until_closed(self) -> None:
        """Let relay and workers run until no scatter is open; what failed is tried again."""
        deadline = time.monotonic() + 30
        while Scatter.objects.filter(status="open").exists():
            assert time.monotonic() < deadline, "a scatter is still open"
            self.run()

    def delivery(self, name: str) -> dict[str, Any]:
        """Take the next delivery off a responder's queue."""
        delivery = self.kernel.take(name)
        assert delivery is not None
        return delivery

    def answer(self, name: str, delivery: Mapping[str, Any] | None = None) -> Mapping[str, Any]:
        """Let a responder's worker handle its delivery; return what its chain carries on."""
        body = delivery or self.delivery(name)
        return answering.answer(subscription=f"{name}.answer", body=body)

    def take_up(self, carried: Mapping[str, Any]) -> None:
        """Let the gathering's worker record what a chain carries."""
        answering.record(gathering=GATHERING, carried=carried)

    def responses(self, scatter_id: UUID) -> dict[str, str]:
        """Return what became of the question, at whom; with a star where it came late."""
        found = Response.objects.filter(scatter_id=scatter_id)
        return {item.responder: item.outcome + "*" * item.late for item in found}

    def gathered(self) -> list[tuple[str, list[list[str]]]]:
        """Return the aggregate's events: about which scatter, who said what."""
        events = Message.objects.filter(type=Gathered.TYPE).order_by("position")
        return [(event.subject, event.data["said"]) for event in events]


def another_connection() -> psycopg.Connection[Any]:
    """Return a connection of somebody else's to the same database."""
    return psycopg.connect(**postgres.driver_parameters())


def let_deadlines_pass() -> None:
    """Pretend that every scatter was opened an hour earlier."""
    Scatter.objects.update(deadline_at=F("deadline_at") - timedelta(hours=1))


@pytest.fixture
def gathering(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> Gathering:
    """Return a gathering whose three responders answer with their names."""
    monkeypatch.setattr(aggregates, "_gatherings", {})
    kernel.use(topology_of(*RESPONDERS))
    for name in ("asker", *RESPONDERS):
        celery.current_app.amqp.queues.add(kombu.Queue(name))
    gathering = Gathering(kernel)
    for name in RESPONDERS:
        gathering.answers[name] = scatter_gather.answered({"name": name})
        _bind(gathering, name)

    def check(scatter: Question, responder: str, data: Mapping[str, Any]) -> Mapping[str, Any]:
        if "lie" in data:
            raise ValueError("a lie")
        return data

    @scatter_gather.gathers(GATHERING, check=check)
    def gather(scatter: Question, entries: Sequence[Entry]) -> Gathered:
        if any("bomb" in item.data for item in entries):
            raise RuntimeError("cannot count")
        return Gathered(sorted((item.responder, item.outcome) for item in entries))

    return gathering


def _bind(gathering: Gathering, name: str) -> None:
    @scatter_gather.answers(f"{name}.answer")
    def answer(envelopes: Sequence[Envelope]) -> list[Answer | None]:
        if gathering.loses_postgres:
            connection.cursor().execute("SELECT pg_terminate_backend(pg_backend_pid())")
        gathering.calls.append((name, [item.data["number"] for item in envelopes]))
        gathering.requests.setdefault(name, []).extend(envelopes)
        said = gathering.answers[name]
        if isinstance(said, Exception):
            raise said
        if gathering.raises_for & {item.data["number"] for item in envelopes}:
            raise ValueError("not this one")
        return [said for _ in envelopes]
