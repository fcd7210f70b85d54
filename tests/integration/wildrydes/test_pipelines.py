"""Pipes and Filters: each step does its work, and the kernel carries it to the next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import transaction

from tests.acceptance.stage import wait_until
from wildrydes import pipelines
from wildrydes.consumer import consume
from wildrydes.envelope import Envelope
from wildrydes.errors import ConfigurationError, OutsideTransactionError
from wildrydes.models import Message, Receipt
from wildrydes.topology import Pipeline, Queue, Subscription, Topology, Workers

from .conftest import AT_ONCE, Kernel

STEPS = ("one.read_text", "two.count_words", "three.keep_total")


@dataclass
class Line:
    """A pipeline of three steps: split a text, count its words, keep the total."""

    kernel: Kernel
    totals: list[Mapping[str, Any]] = field(default_factory=list)
    seen: list[Envelope] = field(default_factory=list)
    fails: bool = False

    def start(self, text: str, **options: Any) -> None:
        """Hand one text to the first step."""
        with transaction.atomic():
            pipelines.start("words", {"text": text}, **options)

    def run(self) -> None:
        """Let relay and workers do everything that there is to do."""
        wait_until(self._is_quiet, what="nothing is under way or waits to be tried again")

    def _is_quiet(self) -> bool:
        queues = ("one", "two", "three")
        while self.kernel.relay.turn() or any(self.kernel.work(queue) for queue in queues):
            pass
        return not Receipt.objects.filter(status=Receipt.Status.RETRYING).exists()


@pytest.fixture
def line(kernel: Kernel) -> Line:
    """Return a pipeline whose steps are bound."""
    line = Line(kernel)
    kernel.use(
        Topology(
            topics=(),
            queues=tuple(Queue(name=name) for name in ("one", "two", "three")),
            subscriptions=tuple(
                Subscription(name=step, queue=step.partition(".")[0], retry=AT_ONCE)
                for step in STEPS
            ),
            workers=(Workers(name="all", queues=("one", "two", "three")),),
            pipelines=(Pipeline(name="words", steps=STEPS),),
        )
    )

    @pipelines.pipeline_step("one.read_text")
    def read_text(envelope: Envelope) -> dict[str, Any] | None:
        line.seen.append(envelope)
        words = envelope.data["text"].split()
        return {"words": words} if words else None

    @pipelines.pipeline_step("two.count_words")
    def count_words(envelope: Envelope) -> dict[str, Any]:
        line.seen.append(envelope)
        if line.fails:
            raise ValueError("cannot count")
        return {"count": len(envelope.data["words"])}

    @pipelines.pipeline_step("three.keep_total")
    def keep_total(envelope: Envelope) -> dict[str, Any]:
        line.seen.append(envelope)
        line.totals.append(envelope.data)
        return {"goes": "nowhere"}

    return line


def test_work_goes_through_every_step_in_order(line: Line) -> None:
    line.start("a b c")
    line.run()
    assert line.totals == [{"count": 3}]
    assert list(Message.objects.order_by("position").values_list("type", "kind")) == [
        ("v1.words.read-text", "command"),
        ("v1.words.count-words", "command"),
        ("v1.words.keep-total", "command"),
    ]
    assert set(Receipt.objects.values_list("subscription", "status")) == {
        (step, "done") for step in STEPS
    }


def test_a_step_that_returns_nothing_ends_its_piece_of_work(line: Line) -> None:
    line.start("")
    line.run()
    assert line.totals == []
    assert Message.objects.count() == 1


def test_subject_group_and_correlation_go_with_the_work(line: Line) -> None:
    line.start("a", subject="book-1", group_id="shelf-2")
    line.run()
    assert {item.subject for item in line.seen} == {"book-1"}
    assert {item.group_id for item in line.seen} == {"shelf-2"}
    assert len({item.correlation_id for item in line.seen}) == 1
    assert [item.causation_id for item in line.seen] == [None, line.seen[0].id, line.seen[1].id]


def test_expiry_goes_with_the_work(line: Line) -> None:
    line.start("a")
    expires_at = datetime(2999, 1, 1, tzinfo=UTC)
    first = Message.objects.get().to_envelope()
    with transaction.atomic():
        pipelines._send_on(Envelope(**{**vars(first), "expires_at": expires_at}), {"words": ["x"]})
    assert Message.objects.get(type="v1.words.count-words").expires_at == expires_at


def test_each_step_stands_in_a_queue_of_its_own(line: Line) -> None:
    line.start("a")
    for queue in ("one", "two", "three"):
        line.kernel.relay.turn()
        assert line.kernel.standing(queue) == 1
        line.kernel.work(queue)
    assert line.totals == [{"count": 1}]


def test_a_step_that_fails_sends_nothing_on_and_is_a_dead_letter_like_any_other(
    line: Line,
) -> None:
    line.fails = True
    line.start("a b")
    line.run()
    letter = Receipt.objects.get(status="dead")
    assert (letter.subscription, letter.attempts) == ("two.count_words", 3)
    assert "cannot count" in letter.error
    assert not Message.objects.filter(type="v1.words.keep-total").exists()


def test_a_step_that_is_delivered_twice_sends_on_once(line: Line) -> None:
    line.start("a b")
    line.kernel.relay.turn()
    body = line.kernel.take("one")
    assert body is not None
    for _ in range(2):
        consume(subscription="one.read_text", body=body)
    line.run()
    assert line.totals == [{"count": 2}]


def test_a_pipeline_is_started_inside_a_transaction_and_by_its_name(line: Line) -> None:
    with pytest.raises(OutsideTransactionError):
        pipelines.start("words", {"text": "a"})
    with pytest.raises(ConfigurationError, match="no pipeline 'wrods'"), transaction.atomic():
        pipelines.start("wrods", {"text": "a"})
