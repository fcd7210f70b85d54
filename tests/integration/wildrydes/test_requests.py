"""Request-Reply: every request ends answered or timed out, and no late answer is lost."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID

import pytest
import time_machine
from django.db import connection, transaction
from django.db.models import F

from wildrydes import publishing, requests, subscriptions
from wildrydes.envelope import Envelope
from wildrydes.errors import PublishError
from wildrydes.management.commands.relay import CHORES
from wildrydes.models import Message, Receipt, Request, Unrouted
from wildrydes.relay import Relay
from wildrydes.topology import Subscription

from .conftest import AT_ONCE, Do, Happened, Kernel, small_topology

MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Done:
    """The answer of these tests."""

    number: int
    TYPE: ClassVar[str] = "v1.test.done"

    def to_data(self) -> dict[str, Any]:
        return {"number": self.number}


@dataclass(frozen=True)
class Undone(Done):
    """Another answer, which nobody here takes."""

    TYPE: ClassVar[str] = "v1.test.undone"


@dataclass
class Dialogue:
    """One side asks with `Do`, the other answers with `Done`; what was heard is kept."""

    kernel: Kernel
    asked: list[Envelope] = field(default_factory=list)
    answered: list[tuple[Request, Envelope]] = field(default_factory=list)

    def ask(self, number: int, *, timeout: timedelta = MINUTE, **options: Any) -> UUID:
        """Ask in a transaction; return the request's id."""
        with transaction.atomic():
            return requests.request(
                Do(number), reply_to="first.answered", timeout=timeout, **options
            )

    def answer(self, number: int, *, to: Envelope) -> None:
        """Answer in a transaction."""
        with transaction.atomic():
            requests.reply(Done(number), to=to)

    def run(self) -> None:
        """Let relay and workers do everything that there is to do."""
        while self.kernel.relay.turn() or self.kernel.work("first") or self.kernel.work("second"):
            pass


@pytest.fixture
def dialogue(kernel: Kernel) -> Iterator[Dialogue]:
    """Return a dialogue in which the responder keeps silent until it is told to answer."""
    whole = small_topology()
    address = Subscription(
        name="first.answered", replies=("v1.test.done",), queue="first", retry=AT_ONCE
    )
    kernel.use(replace(whole, subscriptions=(*whole.subscriptions, address)))
    dialogue = Dialogue(kernel)
    subscriptions._bindings.pop("second.do")
    subscriptions.subscribe("second.do")(dialogue.asked.append)

    @requests.receive_replies("first.answered")
    def hear(asked: Request, envelope: Envelope) -> None:
        if envelope.data["number"] in kernel.fails:
            raise ValueError("not understood")
        dialogue.answered.append((asked, envelope))

    return dialogue


def let_deadlines_pass() -> None:
    """Pretend that every request was made an hour earlier."""
    Request.objects.update(deadline=F("deadline") - timedelta(hours=1))


def test_a_request_is_answered_at_its_return_address(dialogue: Dialogue) -> None:
    request_id = dialogue.ask(1)
    dialogue.run()
    dialogue.answer(11, to=dialogue.asked[0])
    dialogue.run()
    ((asked, reply),) = dialogue.answered
    assert asked.id == request_id
    assert (reply.kind, reply.data) == ("reply", {"number": 11})
    assert reply.causation_id == request_id
    assert reply.correlation_id == dialogue.asked[0].correlation_id == asked.correlation_id
    kept = Request.objects.get()
    assert (kept.status, kept.reply, kept.reply_type) == ("answered", {"number": 11}, Done.TYPE)
    assert kept.answered_at is not None
    assert not kept.late


def test_a_request_that_is_rolled_back_was_never_made(dialogue: Dialogue) -> None:
    with transaction.atomic():
        requests.request(Do(1), reply_to="first.answered", timeout=MINUTE)
        transaction.set_rollback(True)
    assert not Request.objects.exists()
    assert not Message.objects.exists()


def test_a_request_without_an_answer_times_out_and_publishes_what_was_asked_for(
    dialogue: Dialogue,
) -> None:
    request_id = dialogue.ask(1, on_timeout=Happened(99))
    dialogue.ask(2)
    let_deadlines_pass()
    assert requests.time_out() == 2
    assert requests.time_out() == 0
    assert set(Request.objects.values_list("status", flat=True)) == {"timed_out"}
    event = Message.objects.get(kind="event")
    assert (event.data, event.subject) == ({"number": 99}, str(request_id))
    assert event.causation_id == request_id
    dialogue.run()
    assert dialogue.kernel.effects() == {("first", 99): 1, ("second", 99): 1}


def test_a_request_is_open_until_its_deadline_by_the_databases_clock(dialogue: Dialogue) -> None:
    dialogue.ask(1)
    with time_machine.travel(datetime.now(UTC) + timedelta(days=1)):
        assert requests.time_out() == 0
    assert Request.objects.get().status == "open"


def test_a_late_answer_is_kept_and_marked_and_does_not_reach_the_handler(
    dialogue: Dialogue,
) -> None:
    dialogue.ask(1)
    dialogue.run()
    let_deadlines_pass()
    requests.time_out()
    dialogue.answer(11, to=dialogue.asked[0])
    dialogue.run()
    kept = Request.objects.get()
    assert (kept.status, kept.late, kept.reply) == ("timed_out", True, {"number": 11})
    assert kept.answered_at is not None
    assert dialogue.answered == []
    assert Receipt.objects.get(subscription="first.answered").status == "done"


def test_an_answer_after_the_deadline_is_late_although_no_timer_ran(dialogue: Dialogue) -> None:
    dialogue.ask(1, on_timeout=Happened(99))
    dialogue.run()
    let_deadlines_pass()
    dialogue.answer(11, to=dialogue.asked[0])
    dialogue.run()
    assert Request.objects.get().late
    assert requests.time_out() == 0
    assert Message.objects.filter(kind="event").count() == 1


def test_a_late_answer_reaches_a_handler_that_asks_for_it(dialogue: Dialogue) -> None:
    late: list[bool] = []
    subscriptions._bindings.pop("first.answered")

    @requests.receive_replies("first.answered", also_late=True)
    def hear(asked: Request, envelope: Envelope) -> None:
        late.append(asked.late)

    dialogue.ask(1)
    dialogue.run()
    let_deadlines_pass()
    dialogue.answer(11, to=dialogue.asked[0])
    dialogue.run()
    assert late == [True]


def test_a_second_answer_changes_nothing_and_is_on_record(dialogue: Dialogue) -> None:
    dialogue.ask(1)
    dialogue.run()
    dialogue.answer(11, to=dialogue.asked[0])
    dialogue.answer(12, to=dialogue.asked[0])
    dialogue.run()
    assert Request.objects.get().reply == {"number": 11}
    assert len(dialogue.answered) == 1
    (dropped,) = Receipt.objects.filter(status="dropped")
    assert "has its answer already" in dropped.error


def test_an_answer_to_a_question_nobody_asked_is_a_dead_letter(dialogue: Dialogue) -> None:
    with transaction.atomic():
        publishing.send_all([publishing.Outgoing(body=Do(1), reply_to="first.answered")])
    dialogue.run()
    dialogue.answer(11, to=dialogue.asked[0])
    dialogue.run()
    letter = Receipt.objects.get(status="dead")
    assert letter.subscription == "first.answered"
    assert "nobody here has asked" in letter.error
    assert dialogue.answered == []


def test_an_answer_whose_handler_fails_leaves_the_request_open_for_the_next_attempt(
    dialogue: Dialogue,
) -> None:
    dialogue.kernel.fails = {11}
    dialogue.ask(1)
    dialogue.run()
    dialogue.answer(11, to=dialogue.asked[0])
    dialogue.kernel.relay.turn()
    dialogue.kernel.work("first")
    assert Request.objects.get().status == "open"
    dialogue.kernel.fails = set()
    dialogue.run()
    assert Request.objects.get().status == "answered"
    assert len(dialogue.answered) == 1


def test_timers_that_run_at_once_time_out_each_request_once(dialogue: Dialogue) -> None:
    for number in range(30):
        dialogue.ask(number, on_timeout=Happened(number))
    let_deadlines_pass()
    counts: list[int] = []

    def run() -> None:
        counts.append(sum(requests.time_out(limit=7) for _ in range(8)))
        connection.close()

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert sum(counts) == 30
    assert Message.objects.filter(kind="event").count() == 30


def test_the_relay_runs_the_timer(dialogue: Dialogue) -> None:
    def run() -> None:
        with relay:
            relay.run()
        connection.close()

    dialogue.ask(1, timeout=timedelta(milliseconds=200))
    relay = Relay(chores=[replace(chore) for chore in CHORES])
    thread = threading.Thread(target=run)
    thread.start()
    deadline = time.monotonic() + 10
    while Request.objects.get().status == "open" and time.monotonic() < deadline:
        time.sleep(0.02)
    relay.stop()
    thread.join(timeout=10)
    timed_out = Request.objects.get()
    assert timed_out.timed_out_at is not None
    assert timedelta(0) <= timed_out.timed_out_at - timed_out.deadline < timedelta(seconds=3)


def test_an_event_that_no_topic_carries_any_more_does_not_hold_up_other_requests(
    dialogue: Dialogue,
) -> None:
    dialogue.ask(1, on_timeout=Happened(99))
    dialogue.ask(2)
    Request.objects.filter(on_timeout__isnull=False).update(
        on_timeout={"type": "v1.test.unheard-of", "data": {}}
    )
    let_deadlines_pass()
    assert requests.time_out() == 2
    assert not Message.objects.filter(kind="event").exists()


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"reply_to": "nobody"}, "no subscription 'nobody'"),
        ({"reply_to": "first.record"}, "'first.record' takes no replies"),
        ({"timeout": timedelta(0)}, "timeout above zero"),
        ({"on_timeout": Do(1)}, "is a command, not an event"),
        ({"on_timeout": Undone(1)}, "no topic or command subscription carries"),
    ],
)
def test_a_request_that_could_not_end_well_is_refused(
    dialogue: Dialogue, options: dict[str, Any], reason: str
) -> None:
    whole = {"reply_to": "first.answered", "timeout": MINUTE, **options}
    with pytest.raises(PublishError, match=reason), transaction.atomic():
        requests.request(Do(1), **whole)
    assert not Unrouted.objects.exists()


def test_a_reply_that_nobody_asked_for_or_takes_is_refused(dialogue: Dialogue) -> None:
    with transaction.atomic():
        publishing.send(Do(1))
    dialogue.ask(2)
    dialogue.run()
    unasked, asked = dialogue.asked
    with pytest.raises(PublishError, match="names nobody to reply to"), transaction.atomic():
        requests.reply(Done(1), to=unasked)
    with pytest.raises(PublishError, match="does not take"), transaction.atomic():
        requests.reply(Undone(1), to=asked)
