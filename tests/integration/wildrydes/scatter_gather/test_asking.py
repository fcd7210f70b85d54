"""A question goes to all who answer to its gathering, and ends when they have."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import transaction

from wildrydes import scatter_gather
from wildrydes.errors import OutsideTransactionError, PublishError
from wildrydes.models import Dispatch, Message, Receipt, Scatter, new_id
from wildrydes.scatter_gather import ALL, DEADLINE, Answer, First, Quorum, Rule, answered, declined

from .conftest import GATHERING, MINUTE, Asked, Gathering, topology_of


def test_a_question_reaches_everyone_and_their_answers_become_one_event(
    gathering: Gathering,
) -> None:
    gathering.answers["eve"] = declined("busy")
    scatter_id = gathering.ask(subject="it")
    request = Message.objects.get(id=scatter_id)
    assert (request.reply_to, request.subject) == (GATHERING, "it")
    gathering.run()
    scatter = Scatter.objects.get(id=scatter_id)
    assert (scatter.status, scatter.closed_because) == ("closed", "completed")
    assert scatter.asked == ["ann", "bob", "eve"]
    assert scatter.closed_at is not None
    assert scatter.closed_at < scatter.deadline_at
    assert gathering.responses(scatter_id) == {
        "ann": "answered",
        "bob": "answered",
        "eve": "declined",
    }
    event = [["ann", "answered"], ["bob", "answered"], ["eve", "declined"]]
    assert gathering.gathered() == [(str(scatter_id), event)]
    event_row = Message.objects.get(type="v1.test.gathered")
    assert event_row.correlation_id == request.correlation_id
    assert event_row.causation_id == scatter_id
    assert event_row.trace_parent.split("-")[1] == request.trace_parent.split("-")[1]
    assert not Dispatch.objects.exists()
    assert not Receipt.objects.exclude(status="done").exists()


def test_a_scatter_ends_also_when_the_log_has_let_go_of_its_request(gathering: Gathering) -> None:
    scatter_id = gathering.ask(rule=First(1))
    Message.objects.all().delete()
    gathering.record(scatter_id, "ann", answered({}))
    assert Scatter.objects.get().closed_because == "completed"
    event = Message.objects.get()
    assert (event.subject, event.causation_id) == (str(scatter_id), None)
    assert event.correlation_id == str(event.id)


def test_only_those_are_asked_whose_filter_wants_the_question(gathering: Gathering) -> None:
    scatter_id = gathering.ask(100)
    assert Scatter.objects.get(id=scatter_id).asked == ["bob", "eve"]


def test_only_those_are_asked_who_are_named_and_those_who_answer_by_themselves(
    gathering: Gathering,
) -> None:
    scatter_id = gathering.ask(recipients=["bob.answer"], also=["zoe", "bob"])
    assert Scatter.objects.get(id=scatter_id).asked == ["bob", "zoe"]
    gathering.run()
    assert gathering.responses(scatter_id) == {"bob": "answered"}
    gathering.record(scatter_id, "zoe", answered({}))
    assert Scatter.objects.get(id=scatter_id).closed_because == "completed"


def test_a_question_has_the_id_that_it_is_given(gathering: Gathering) -> None:
    wanted = new_id()
    assert gathering.ask(id=wanted) == wanted
    assert (Scatter.objects.get().id, Message.objects.get().id) == (wanted, wanted)


@pytest.mark.parametrize("rule", [ALL, DEADLINE, Quorum(2), First(1)])
def test_a_question_to_nobody_ends_at_once(gathering: Gathering, rule: Rule) -> None:
    gathering.kernel.use(topology_of("ann"))
    scatter_id = gathering.ask(100, rule=rule)
    scatter = Scatter.objects.get(id=scatter_id)
    assert (scatter.asked, scatter.status) == ([], "closed")
    assert gathering.gathered() == [(str(scatter_id), [])]


@pytest.mark.parametrize(
    ("rule", "said", "ends_after"),
    [
        (ALL, ["answered", "declined", "answered"], 3),
        (Quorum(2), ["declined", "declined", "answered"], 2),
        (First(1), ["declined", "answered", "answered"], 2),
        (First(2), ["declined", "declined", "declined"], 3),
        (Quorum(9), ["declined", "answered", "answered"], 3),
        (DEADLINE, ["answered", "answered", "answered"], 4),
    ],
)
def test_a_scatter_ends_by_its_rule(
    gathering: Gathering, rule: Rule, said: list[str], ends_after: int
) -> None:
    scatter_id = gathering.ask(rule=rule)
    for number, (name, outcome) in enumerate(zip(("ann", "bob", "eve"), said, strict=True), 1):
        answer: Answer = answered({}) if outcome == "answered" else declined("no")
        gathering.record(scatter_id, name, answer)
        scatter = Scatter.objects.get(id=scatter_id)
        assert (scatter.status == "closed") == (number >= ends_after)
    assert len(gathering.gathered()) == (ends_after <= 3)


def test_a_question_that_is_rolled_back_was_never_asked(gathering: Gathering) -> None:
    with transaction.atomic():
        scatter_gather.ask(Asked(1), gathering=GATHERING, deadline=MINUTE)
        transaction.set_rollback(True)
    assert not Scatter.objects.exists()


def test_what_could_not_be_asked_is_refused(gathering: Gathering) -> None:
    with pytest.raises(OutsideTransactionError):
        scatter_gather.ask(Asked(1), gathering=GATHERING, deadline=MINUTE)
    with pytest.raises(PublishError, match="no subscription"):
        gathering_ask(gathering="nobody.gathers")
    with pytest.raises(PublishError, match="takes no replies"):
        gathering_ask(gathering="ann.answer")
    with pytest.raises(PublishError, match="deadline"):
        gathering.ask(deadline=timedelta(0))
    with pytest.raises(ValueError, match="1 or more"):
        Quorum(0)


def gathering_ask(*, gathering: str) -> None:
    with transaction.atomic():
        scatter_gather.ask(Asked(1), gathering=gathering, deadline=MINUTE)
