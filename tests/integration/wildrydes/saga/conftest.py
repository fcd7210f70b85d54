"""A saga of four steps in one database, with participants whose answers the tests choose."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID

import celery
import kombu
import pytest
from django.db import transaction
from django.db.models import F

from tests.integration.wildrydes.conftest import AT_ONCE, Kernel
from wildrydes import saga
from wildrydes.consumer import answering
from wildrydes.envelope import Envelope
from wildrydes.models import Message, Saga, SagaEvent
from wildrydes.outgoing import Body, Plain
from wildrydes.retry import RetryPolicy
from wildrydes.saga import Answer, Definition, Facts, Step, definition
from wildrydes.saga.receiving import Said, record_all
from wildrydes.topology import Queue, Subscription, Topic, Topology, Workers

ORCHESTRATOR = "seller.advance"
PARTICIPANTS = ("book", "pay", "ship", "mark")
SHORTLY = RetryPolicy(max_attempts=2, first=timedelta(milliseconds=1))


@dataclass(frozen=True)
class Stuck:
    """The event that is published when a saga is stuck."""

    step: str
    reason: str
    TYPE: ClassVar[str] = "v1.test.stuck"

    def to_data(self) -> dict[str, Any]:
        return {"step": self.step, "reason": self.reason}


def type_of(name: str, *, undo: bool = False) -> str:
    return f"v1.{name}.undo" if undo else f"v1.{name}.do"


def small_topology() -> Topology:
    """Return a topology in which each participant does and undoes on a queue of its own."""
    queues = ("seller", *PARTICIPANTS)
    return Topology(
        topics=(Topic(name="news", types=("v1.test.stuck",)),),
        queues=tuple(Queue(name=name) for name in queues),
        subscriptions=(
            Subscription(name=ORCHESTRATOR, replies=("v1.sale.answered",), queue="seller"),
            *(
                Subscription(
                    name=f"{name}.{verb}",
                    command=type_of(name, undo=verb == "undo"),
                    queue=name,
                    retry=AT_ONCE,
                    responder=name,
                    answers_to=ORCHESTRATOR,
                )
                for name in PARTICIPANTS
                for verb in ("do", "undo")
            ),
        ),
        workers=(Workers(name="all", queues=queues),),
    )


def command(name: str, *, undo: bool = False) -> Callable[[Facts], Body]:
    def body(facts: Facts) -> Body:
        if facts.input.get("bomb") == name:
            raise RuntimeError(f"{name} cannot be asked for")
        type_ = facts.input.get("types", {}).get(name, type_of(name, undo=undo))
        return Plain(type_, {"key": facts.key, "known": sorted(facts.results)})

    return body


def step(name: str, **options: Any) -> Step:
    return Step(
        name,
        command(name),
        compensation=command(name, undo=True),
        retry=SHORTLY,
        timeout=timedelta(minutes=1),
        **options,
    )


SALE = Definition(
    name="sale",
    orchestrator=ORCHESTRATOR,
    timeout=timedelta(minutes=10),
    steps=(step("book"), step("pay", pivot=True), step("ship", refusal=saga.BACK), step("mark")),
    stuck=lambda facts: Stuck(facts.failed_step, facts.reason),
)


@dataclass
class Sales:
    """Drives a kernel in which `answers` says what each participant returns, or raises.

    `calls` has which commands each handler call got, by their keys.
    """

    kernel: Kernel
    answers: dict[str, Answer | Exception | None] = field(default_factory=dict)
    calls: list[tuple[str, list[str]]] = field(default_factory=list)
    envelopes: dict[str, list[Envelope]] = field(default_factory=dict)
    for_key: dict[tuple[str, str], Answer | Exception] = field(default_factory=dict)

    def start(self, key: str = "k", **given: Any) -> UUID:
        """Start in a transaction; return the saga's id."""
        with transaction.atomic():
            return saga.start("sale", key=key, input=given)

    def work(self) -> bool:
        """Let every worker do what stands in its queue, and the orchestrator record; say if any."""
        done = [self.participate(name) for name in PARTICIPANTS]
        return any(done) or bool(self.kernel.work("seller"))

    def participate(self, queue: str) -> int:
        """Let one participant's worker do what stands in its queue, and record what it says."""
        count = 0
        while (body := self.kernel.take(queue)) is not None:
            carried = answering.answer(subscription=body["task"], body=body)
            self.take_up(carried)
            count += 1
        return count

    def answer(self, queue: str) -> Mapping[str, Any]:
        """Let one participant's worker do what is next in its queue; return what it says."""
        body = self.kernel.take(queue)
        assert body is not None
        return answering.answer(subscription=body["task"], body=body)

    def take_up(self, carried: Mapping[str, Any]) -> None:
        """Let the orchestrator's worker record what a chain carries."""
        answering.advance(orchestrator=ORCHESTRATOR, carried=carried)

    def say(self, saga_id: UUID, name: str, answer: Answer, message: UUID | None = None) -> None:
        """Record an answer to a step's open command in a transaction."""
        if message is None:
            message = UUID(Saga.objects.get(id=saga_id).state[name]["message"])
        with transaction.atomic():
            record_all([Said(message, f"{saga_id}/{name}", answer)], orchestrator=ORCHESTRATOR)

    def run(self) -> None:
        """Let relay and workers do everything that there is to do now."""
        while self.kernel.relay.turn() or self.work():
            pass

    def run_until(self, *statuses: str) -> None:
        """Let relay and workers run until every saga has one of these statuses."""
        deadline = time.monotonic() + 30
        while Saga.objects.exclude(status__in=statuses).exists():
            assert time.monotonic() < deadline, self.statuses()
            self.run()
            saga.wake_due()

    def statuses(self) -> dict[str, str]:
        return dict(Saga.objects.values_list("key", "status"))

    def history(self, saga_id: UUID) -> list[str]:
        """Return what happened, as kind and step."""
        found = SagaEvent.objects.filter(saga_id=saga_id).order_by("number")
        return [f"{item.kind} {item.step}".strip() for item in found]

    def sent(self) -> list[tuple[str, str]]:
        """Return type and key of every command that was sent, in order."""
        found = Message.objects.filter(kind="command").order_by("position")
        return [(item.type, item.data["key"]) for item in found]

    def events(self) -> list[dict[str, Any]]:
        """Return the events that say that a saga is stuck."""
        return [item.data for item in Message.objects.filter(type=Stuck.TYPE)]


def let_time_pass(**time: int) -> None:
    """Pretend that the timers of steps were set earlier by so much."""
    earlier = timedelta(**time)
    for item in Saga.objects.filter(wake_at__isnull=False):
        state = {name: _earlier(known, earlier) for name, known in item.state.items()}
        Saga.objects.filter(id=item.id).update(state=state, wake_at=F("wake_at") - earlier)


def _earlier(known: dict[str, Any], by: timedelta) -> dict[str, Any]:
    if "wake_at" not in known:
        return known
    moment = datetime.fromisoformat(known["wake_at"]) - by
    return {**known, "wake_at": moment.isoformat()}


@pytest.fixture
def sales(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> Sales:
    """Return a platform on which the definition of a sale is known and every participant agrees."""
    monkeypatch.setattr(definition, "_definitions", {})
    kernel.use(small_topology())
    for name in ("seller", *PARTICIPANTS):
        celery.current_app.amqp.queues.add(kombu.Queue(name))
    sales = Sales(kernel)
    saga.define(SALE)
    saga.orchestrates(ORCHESTRATOR)
    for name in PARTICIPANTS:
        _bind(sales, f"{name}.do")
        _bind(sales, f"{name}.undo")
    return sales


def _bind(sales: Sales, name: str) -> None:
    @saga.answers(name)
    def answer(envelopes: Sequence[Envelope]) -> list[Answer | None]:
        sales.calls.append((name, [item.data["key"] for item in envelopes]))
        sales.envelopes.setdefault(name, []).extend(envelopes)
        said = sales.answers.get(name, saga.answered({"by": name}))
        chosen = [sales.for_key.get((name, item.data["key"]), said) for item in envelopes]
        for item in chosen:
            if isinstance(item, Exception):
                raise item
        return chosen  # type: ignore[return-value]
