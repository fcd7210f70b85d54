"""Dead Letter Channel: what failed for good is kept, and a person puts it right, on record."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import F
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from wildrydes import publishing
from wildrydes.consumer import consume
from wildrydes.dead_letters import editing, operations, queries
from wildrydes.errors import DeadLetterError, Reject
from wildrydes.models import DeadLetter, OperatorAction, Receipt

from .conftest import Do, Kernel, small_topology

ELSEWHERE = "second.record"


def bury(kernel: Kernel, *numbers: int, group: str = "") -> list[int]:
    """Let the first subscriber fail for good with these numbers; return the letters' numbers."""
    kernel.fails = set(numbers)
    kernel.publish(*numbers, group=group)
    kernel.run_until_quiet()
    kernel.fails = set()
    letters = DeadLetter.objects.filter(subscription="first.record").order_by("id")
    return list(letters.values_list("id", flat=True))


def receipt(letter: int) -> Receipt:
    return Receipt.objects.get(id=letter)


def actions() -> list[tuple[str, str, int | None]]:
    found = OperatorAction.objects.order_by("id")
    return list(found.values_list("by", "action", "receipt_id"))


def garble(kernel: Kernel, event: Any) -> DeadLetter:
    """Let the first subscriber receive something that it cannot read."""
    kernel.publish(1)
    kernel.relay.turn()
    body = kernel.take("first")
    assert body is not None
    consume(subscription="first.record", body={**body, "messages": [event]})
    return DeadLetter.objects.get()


def readable(**changes: Any) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": str(uuid4()),
        "type": "v1.test.happened",
        "source": "//tests",
        "time": "2026-03-01T12:00:00+00:00",
        "kind": "event",
        "data": {"number": 5},
        **changes,
    }


def test_a_redriven_letter_gets_all_its_attempts_again_and_keeps_its_id(kernel: Kernel) -> None:
    (letter,) = bury(kernel, 1)
    message_id = receipt(letter).message_id
    kernel.fails = {1}

    result = operations.redrive(ids=[letter], by="ann")
    assert (receipt(letter).status, receipt(letter).attempts) == ("retrying", 0)
    kernel.run_until_quiet()

    assert result.taken == [letter]
    again = receipt(letter)
    assert (again.status, again.attempts, again.message_id) == ("dead", 3, message_id)
    assert actions() == [("ann", "redrive", letter)]


def test_a_redriven_letter_takes_effect_once(kernel: Kernel) -> None:
    (letter,) = bury(kernel, 1)
    operations.redrive(ids=[letter], by="ann")
    kernel.run_until_quiet()
    assert operations.redrive(ids=[letter], by="ann").gone == 1
    kernel.run_until_quiet()
    assert kernel.effects() == {("first", 1): 1}
    assert receipt(letter).status == "done"


def test_what_is_no_dead_letter_is_left_alone(kernel: Kernel) -> None:
    kernel.publish(1)
    kernel.run_until_quiet()
    done = Receipt.objects.get()
    assert operations.redrive(ids=[done.pk, 999_999], by="ann") == operations.Result([], gone=2)
    assert operations.discard(ids=[done.pk], by="ann", reason="no") == operations.Result([], gone=1)
    assert receipt(done.pk).status == "done"
    assert actions() == []


def test_letters_are_selected_by_subscription_error_age_and_number(kernel: Kernel) -> None:
    letters = bury(kernel, 1, 2, 3)
    DeadLetter.objects.filter(id=letters[0]).update(
        last_failed_at=F("last_failed_at") - timedelta(days=2)
    )
    an_hour_ago = timezone.now() - timedelta(hours=1)

    def selected(**given: Any) -> list[int]:
        return [letter.pk for letter in queries.select(**given)]

    assert selected() == letters
    assert selected(subscription="first.record", limit=2) == letters[:2]
    assert selected(subscription="second.record") == []
    assert selected(error="valueerror: 2 IS refused") == [letters[1]]
    assert selected(error="%") == []
    assert selected(since=an_hour_ago) == letters[1:]
    assert [found.pk for found in queries.find(str(receipt(letters[0]).message_id))] == letters[:1]
    assert queries.find("nonsense") == []


def test_a_letter_can_be_redriven_to_another_subscription(kernel: Kernel) -> None:
    (letter,) = bury(kernel, 1)
    source = receipt(letter)

    operations.redrive(ids=[letter], by="ann", to=ELSEWHERE)
    kernel.run_until_quiet()

    assert kernel.effects() == {("second", 1): 1}
    there = Receipt.objects.get(subscription=ELSEWHERE)
    assert (there.status, there.message_id) == ("done", source.message_id)
    here = receipt(letter)
    assert here.status == "dropped"
    assert here.error.splitlines()[0] == f"redriven to {ELSEWHERE} by ann"
    assert "1 is refused" in here.error
    assert OperatorAction.objects.get().detail == {"to": ELSEWHERE}


@pytest.mark.parametrize(
    ("to", "why"),
    [
        ("nowhere.at_all", "no subscription 'nowhere.at_all'"),
        ("second.do", "second.do does not take messages of type v1.test.happened"),
        ("first.record", "is where some of the letters come from"),
    ],
)
def test_an_unfit_other_subscription_is_refused(kernel: Kernel, to: str, why: str) -> None:
    letters = bury(kernel, 1, 2)
    with pytest.raises(DeadLetterError, match=why):
        operations.redrive(ids=letters, by="ann", to=to)
    assert DeadLetter.objects.count() == 2
    assert actions() == []


def test_another_subscription_that_has_the_message_is_refused_and_nothing_is_changed(
    kernel: Kernel,
) -> None:
    letters = bury(kernel, 3)
    kernel.publish(1)
    letters = bury(kernel, 10)  # both subscribers fail, so make one of them done
    there = DeadLetter.objects.get(subscription=ELSEWHERE)
    operations.redrive(ids=[there.pk], by="ann")
    kernel.run_until_quiet()
    before = kernel.effects()

    with pytest.raises(DeadLetterError, match=f"{ELSEWHERE} already has 1 .* is done"):
        operations.redrive(ids=letters, by="ann", to=ELSEWHERE)
    kernel.run_until_quiet()
    assert kernel.effects() == before
    assert {receipt(letter).status for letter in letters} == {"dead"}
    assert Receipt.objects.filter(subscription=ELSEWHERE).count() == 1


def test_what_another_subscription_gave_up_on_it_takes_up_again(kernel: Kernel) -> None:
    (letter,) = bury(kernel, 10)
    operations.redrive(ids=[letter], by="ann", to=ELSEWHERE)
    kernel.run_until_quiet()
    assert kernel.effects() == {("second", 10): 1}
    assert Receipt.objects.get(subscription=ELSEWHERE).status == "done"


def test_a_discarded_letter_is_kept_and_says_who_and_why(kernel: Kernel) -> None:
    (letter,) = bury(kernel, 1)
    operations.discard(ids=[letter], by="ann", reason="a test order")
    kernel.run_until_quiet()
    gone = receipt(letter)
    assert gone.status == "dropped"
    assert gone.error.splitlines()[0] == "discarded by ann: a test order"
    assert gone.message is not None
    assert kernel.effects() == {}
    assert actions() == [("ann", "discard", letter)]
    with pytest.raises(DeadLetterError, match="say why"):
        operations.discard(ids=[letter], by="ann", reason=" ")


@pytest.mark.parametrize("way", ["discard", "elsewhere"])
def test_letting_go_of_a_letter_lets_its_group_go_on(kernel: Kernel, way: str) -> None:
    kernel.use(small_topology(first={"fifo": True}))
    kernel.fails = {1}
    kernel.publish(1, 2, 3, group="a")
    kernel.run_until_quiet()
    (letter,) = bury(kernel)
    assert Receipt.objects.filter(status="parked").count() == 2

    if way == "discard":
        operations.discard(ids=[letter], by="ann", reason="hopeless")
    else:
        operations.redrive(ids=[letter], by="ann", to=ELSEWHERE)
    kernel.run_until_quiet()
    assert kernel.sequence() == [2, 3]
    assert not Receipt.objects.filter(status="parked").exists()


def test_a_redriven_letter_goes_ahead_of_those_parked_behind_it(kernel: Kernel) -> None:
    kernel.use(small_topology(first={"fifo": True}))
    kernel.fails = {1}
    kernel.publish(1, 2, 3, group="a")
    kernel.run_until_quiet()
    (letter,) = bury(kernel)
    operations.redrive(ids=[letter], by="ann")
    kernel.run_until_quiet()
    assert kernel.sequence() == [1, 2, 3]


def test_an_edited_message_is_handled_and_the_first_original_kept(kernel: Kernel) -> None:
    (letter,) = bury(kernel, 1)
    arrived = receipt(letter).message
    assert arrived is not None
    for number in (6, 7):
        editing.edit(receipt_id=letter, message={**arrived, "data": {"number": number}}, by="ann")
    operations.redrive(ids=[letter], by="ann")
    kernel.run_until_quiet()
    assert kernel.effects() == {("first", 7): 1}
    assert receipt(letter).original_message == arrived
    assert [action for _, action, _ in actions()] == ["edit", "edit", "redrive"]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"id": str(uuid4())}, "'id' has to stay"),
        ({"type": "v1.test.do"}, "does not take messages of type v1.test.do"),
        ({"groupid": "b"}, "'groupid' has to stay"),
        ({"sequence": "1000000"}, "'sequence' has to stay"),
        ({"data": [1]}, "'data' must be an object"),
        ({"specversion": "2"}, "specversion '2' is not understood"),
        ({"data": {"number": "\x00"}}, "NUL"),
        ({"data": {"number": "x" * 300_000}}, "at most 262144"),
    ],
)
def test_an_edit_that_is_another_message_or_none_is_refused(
    kernel: Kernel, changes: dict[str, Any], why: str
) -> None:
    (letter,) = bury(kernel, 1)
    arrived = receipt(letter).message
    assert arrived is not None
    with pytest.raises(DeadLetterError, match=why):
        editing.edit(receipt_id=letter, message={**arrived, **changes}, by="ann")
    assert receipt(letter).message == arrived
    assert receipt(letter).original_message is None


def test_what_cannot_be_read_stays_until_it_is_edited(kernel: Kernel) -> None:
    letter = garble(kernel, {"specversion": "9"})
    refused = operations.redrive(ids=[letter.pk], by="ann")
    assert (refused.taken, refused.refused) == ([], 1)
    assert refused.reasons == ("the message cannot be read: specversion '9' is not understood",)

    repaired = readable()
    editing.edit(receipt_id=letter.pk, message=repaired, by="ann")
    operations.redrive(ids=[letter.pk], by="ann")
    kernel.run_until_quiet()
    now = receipt(letter.pk)
    assert (now.status, now.message_id) == ("done", UUID(repaired["id"]))
    assert now.original_message == {"specversion": "9"}
    assert kernel.effects() == {("first", 5): 1}


def test_a_type_that_the_topology_has_learnt_since_can_be_redriven(kernel: Kernel) -> None:
    event = readable(type="v2.test.happened")
    letter = garble(kernel, event)
    assert letter.message_type == "unreadable"
    grown = small_topology()
    (topic,) = grown.topics
    types = (*topic.types, "v2.test.happened")
    kernel.use(
        type(grown)(**{**vars_of(grown), "topics": (type(topic)(name="tests", types=types),)})
    )
    operations.redrive(ids=[letter.pk], by="ann")
    kernel.run_until_quiet()
    assert receipt(letter.pk).message_id == UUID(event["id"])
    assert kernel.effects() == {("first", 5): 1}


def vars_of(topology: Any) -> dict[str, Any]:
    return {name: getattr(topology, name) for name in topology.__dataclass_fields__}


def test_a_message_that_is_known_already_cannot_be_made_of_what_could_not_be_read(
    kernel: Kernel,
) -> None:
    (known,) = kernel.publish(1)
    kernel.run_until_quiet()
    letter = garble(kernel, {"specversion": "9"})
    with pytest.raises(DeadLetterError, match="already has a receipt"):
        editing.edit(receipt_id=letter.pk, message=readable(id=str(known)), by="ann")


def test_a_letter_of_a_subscription_that_is_gone_stays(kernel: Kernel) -> None:
    with transaction.atomic():
        publishing.send(Do(1))
    kernel.run_until_quiet()
    Receipt.objects.update(subscription="gone.record", status="dead")
    (letter,) = DeadLetter.objects.all()
    result = operations.redrive(ids=[letter.pk], by="ann")
    assert result.refused == 1
    assert "no subscription 'gone.record'" in result.reasons[0]
    operations.discard(ids=[letter.pk], by="ann", reason="nobody wants it")
    assert receipt(letter.pk).status == "dropped"


def test_five_hundred_letters_take_as_many_statements_as_two(kernel: Kernel) -> None:
    kernel.raises = {number: Reject("not yet") for number in range(500)}
    letters = bury(kernel, *range(500))
    assert len(letters) == 500

    def statements(ids: list[int]) -> int:
        with CaptureQueriesContext(
            connection,
        ) as captured:
            operations.redrive(ids=ids, by="ann")
        return len(captured)

    assert statements(letters[:2]) == statements(letters[2:])
    assert OperatorAction.objects.count() == len(letters)


@pytest.mark.parametrize(
    "change",
    ["UPDATE wildrydes_operatoraction SET by = 'bob'", "DELETE FROM wildrydes_operatoraction"],
)
def test_the_record_of_who_did_what_cannot_be_changed(kernel: Kernel, change: str) -> None:
    OperatorAction.objects.create(by="ann", action="redrive")
    with (
        pytest.raises(IntegrityError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(change)
    assert OperatorAction.objects.get().by == "ann"
