"""Replay: history goes to one subscription again, marked, and never past what is under way."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.db.models import F

from wildrydes import publishing, subscriptions
from wildrydes import replay as replaying
from wildrydes.envelope import Envelope
from wildrydes.errors import ReplayError
from wildrydes.models import Dispatch, OperatorAction, Receipt, Unrouted
from wildrydes.replay import Progress, Selection
from wildrydes.topology import Queue, Subscription, Topology, Workers

from .conftest import Do, Happened, Kernel, small_topology

LONG_AGO = timedelta(days=1)


def selection(subscription: str, **changes: Any) -> Selection:
    """Select the whole of the log for one subscription."""
    now = replaying.database_now()
    whole = Selection(
        subscription=subscription, since=now - LONG_AGO, until=now + LONG_AGO, done_before=now
    )
    return replace(whole, **changes)


def replay(subscription: str, **changes: Any) -> int:
    """Replay for one subscription to the end; return how many messages were sent."""
    steps = list(replaying.replay(selection(subscription, **changes), by="tester"))
    return steps[-1].sent if steps else 0


def run_all(kernel: Kernel) -> None:
    """Let relay and workers do everything that there is to do."""
    while kernel.relay.turn() or kernel.work("first") or kernel.work("second"):
        pass


def with_newcomer(kernel: Kernel, **policy: Any) -> list[Envelope]:
    """Add a subscriber that was not there when things happened; return what it will be handed."""
    whole = small_topology()
    new = Subscription(name="third.record", topics=("tests",), queue="third", **policy)
    kernel.use(
        Topology(
            topics=whole.topics,
            queues=(*whole.queues, Queue(name="third")),
            subscriptions=(*whole.subscriptions, new),
            workers=(Workers(name="all", queues=("first", "second", "third")),),
        )
    )
    seen: list[Envelope] = []
    subscriptions.subscribe("third.record")(seen.append)
    return seen


def lose(kernel: Kernel, *numbers: int) -> None:
    """Publish events, and take away every trace of them but the log."""
    kernel.publish(*numbers)
    Unrouted.objects.all().delete()


def test_a_new_subscriber_is_given_its_past_as_far_as_its_filter_wants_it(kernel: Kernel) -> None:
    kernel.publish(1, 10, 11, 2)
    run_all(kernel)
    before = kernel.effects()
    seen = with_newcomer(kernel, filter={"number": [{"numeric": [">=", 10]}]})
    assert replay("third.record") == 2
    kernel.relay.turn()
    kernel.work("third")
    assert [item.data["number"] for item in seen] == [10, 11]
    assert all(item.replayed for item in seen)
    assert kernel.effects() == before


def test_only_gaps_are_filled_and_a_second_replay_finds_nothing(kernel: Kernel) -> None:
    lose(kernel, 1, 2)
    kernel.publish(3)
    run_all(kernel)
    assert replay("first.record") == 2
    assert replay("first.record") == 0
    run_all(kernel)
    assert replay("first.record") == 0
    assert kernel.effects() == {("first", number): 1 for number in (1, 2, 3)}


def test_what_is_under_way_is_left_alone_wherever_it_is(kernel: Kernel) -> None:
    kernel.fails = {3}
    kernel.publish(3)
    run_all_but_retries(kernel)
    kernel.publish(1)
    kernel.relay.turn()
    kernel.publish(2)
    assert Receipt.objects.get(subscription="first.record").status == "retrying"
    assert Dispatch.objects.filter(subscription="first.record").count() == 1
    assert Unrouted.objects.count() == 1
    assert replay("first.record") == 0


def run_all_but_retries(kernel: Kernel) -> None:
    """Hand over what was published, and put off every retry."""
    kernel.relay.turn()
    kernel.work("first")
    later = F("next_attempt_at") + timedelta(hours=1)
    Receipt.objects.filter(status="retrying").update(next_attempt_at=later)


def test_a_message_that_is_not_due_yet_is_left_alone(kernel: Kernel) -> None:
    with transaction.atomic():
        due = replaying.database_now() + timedelta(hours=1)
        publishing.publish(Happened(1), not_before=due)
    assert replay("first.record") == 0


def test_again_lets_what_is_done_take_effect_once_more(kernel: Kernel) -> None:
    kernel.publish(1, 10)
    run_all(kernel)
    assert replay("first.record", again=True) == 2
    run_all(kernel)
    effects = kernel.effects()
    assert (effects["first", 1], effects["first", 10], effects["second", 10]) == (2, 2, 1)
    assert set(Receipt.objects.values_list("status", flat=True)) == {"done"}


def test_again_goes_on_after_a_break_and_does_nothing_a_third_time(kernel: Kernel) -> None:
    kernel.publish(1)
    run_all(kernel)
    began = replaying.database_now()
    assert replay("first.record", again=True, done_before=began) == 1
    run_all(kernel)
    assert replay("first.record", again=True, done_before=began) == 0


@pytest.mark.parametrize("status", ["dead", "retrying", "parked"])
def test_again_leaves_alone_what_waits_for_a_person_or_a_retry(kernel: Kernel, status: str) -> None:
    kernel.publish(1)
    run_all(kernel)
    Receipt.objects.update(status=status)
    assert replay("first.record", again=True) == 0


def test_a_fenced_handler_is_not_reached_and_the_reason_is_recorded(kernel: Kernel) -> None:
    reached: list[Envelope] = []
    subscriptions._bindings.pop("second.do")
    subscriptions.subscribe("second.do", outside_effects=True)(reached.append)
    with transaction.atomic():
        publishing.send(Do(1))
    Unrouted.objects.all().delete()
    replay("second.do")
    run_all(kernel)
    receipt = Receipt.objects.get()
    assert reached == []
    assert receipt.status == "dropped"
    assert "replay is fenced" in receipt.error
    with pytest.raises(ReplayError, match="is fenced"):
        replay("second.do", again=True)


def test_a_handler_with_outside_effects_that_opts_in_is_reached(kernel: Kernel) -> None:
    reached: list[Envelope] = []
    subscriptions._bindings.pop("second.do")
    subscriptions.subscribe("second.do", outside_effects=True, replayable=True)(reached.append)
    with transaction.atomic():
        publishing.send(Do(1))
    Unrouted.objects.all().delete()
    replay("second.do")
    run_all(kernel)
    assert [item.data["number"] for item in reached] == [1]


def test_type_and_time_narrow_the_selection(kernel: Kernel) -> None:
    lose(kernel, 1)
    middle = replaying.database_now()
    lose(kernel, 2)
    assert replay("first.record", until=middle) == 1
    assert replay("first.record", since=middle, types=("v1.test.happened",)) == 1
    with pytest.raises(ReplayError, match=r"does not take 'v1\.test\.do'"):
        replay("first.record", types=("v1.test.do",))


def test_a_message_for_named_recipients_is_replayed_to_those_only(kernel: Kernel) -> None:
    with transaction.atomic():
        publishing.publish(Happened(10), recipients=["second.record"])
    Unrouted.objects.all().delete()
    assert replay("first.record") == 0
    assert replay("second.record") == 1


def test_a_long_history_goes_in_chunks_of_which_few_wait_at_a_time(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replaying, "CHUNK", 10)
    lose(kernel, *range(95))
    waited, most = 0, 0
    for progress in replaying.replay(selection("first.record"), by="tester", ahead=20):
        most = max(most, sum(Dispatch.objects.values_list("size", flat=True)))
        if progress.waiting:
            waited += 1
            run_all(kernel)
    run_all(kernel)
    assert progress == Progress(looked_at=95, sent=95, position=progress.last, last=progress.last)
    assert waited > 0
    assert most <= 30
    assert kernel.effects() == {("first", number): 1 for number in range(95)}


def test_two_replays_at_once_send_everything_once(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replaying, "CHUNK", 7)
    lose(kernel, *range(100))
    sent: list[int] = []

    def run() -> None:
        sent.append(replay("first.record"))
        connection.close()

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert sum(sent) == 100
    ids = [key for dispatch in Dispatch.objects.all() for key in dispatch.message_ids]
    assert len(ids) == len(set(ids)) == 100


def test_the_same_message_travels_replayed_to_one_and_unmarked_to_another(kernel: Kernel) -> None:
    kernel.publish(10)
    kernel.relay.turn()
    Dispatch.objects.filter(subscription="first.record").delete()
    kernel.take("first")
    replay("first.record")
    Dispatch.objects.filter(subscription="second.record").update(sent_at=None, lease_until=None)
    kernel.take("second")
    kernel.relay.turn()
    first, second = kernel.take("first"), kernel.take("second")
    assert first is not None
    assert second is not None
    assert first["messages"][0]["replayed"] is True
    assert "replayed" not in second["messages"][0]


def command(*arguments: str) -> tuple[str, str]:
    """Run `manage.py replay`; return what went to standard output and to standard error."""
    out, err = StringIO(), StringIO()
    call_command("replay", *arguments, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def test_the_command_replays_and_puts_it_on_record(kernel: Kernel) -> None:
    lose(kernel, 1, 2)
    out, _ = command("--subscription", "first.record", "--since", "1h", "--by", "ada")
    run_all(kernel)
    assert out == "2 messages sent, of 2 looked at\n"
    assert kernel.effects() == {("first", 1): 1, ("first", 2): 1}
    action = OperatorAction.objects.get()
    assert (action.by, action.action, action.subscription) == ("ada", "replay", "first.record")


def test_a_dry_run_counts_and_changes_nothing(kernel: Kernel) -> None:
    lose(kernel, 1, 2)
    out, _ = command("--subscription", "first.record", "--since", "1h", "--dry-run")
    assert out == "2 messages would be sent, of 2 looked at\n"
    assert not Dispatch.objects.exists()
    assert not OperatorAction.objects.exists()


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--subscription", "nobody", "--since", "1h"], "no subscription 'nobody'"),
        (["--subscription", "first.record", "--since", "soon"], "--since: 'soon' is neither"),
        (["--subscription", "first.record", "--since", "1h", "--until", "2h"], "end is not after"),
        (["--subscription", "first.record", "--since", "1h", "--ahead", "0"], "--ahead must be"),
        (
            ["--subscription", "first.record", "--since", "1h", "--done-before", "1h"],
            "--done-before needs --again",
        ),
    ],
)
def test_the_command_refuses_what_makes_no_sense(
    kernel: Kernel, arguments: list[str], reason: str
) -> None:
    with pytest.raises(CommandError, match=reason):
        command(*arguments)


def test_a_command_that_is_broken_off_says_how_to_go_on(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_off(*args: object, **kwargs: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(replaying, "replay", break_off)
    err = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command(
            "replay", "--subscription", "first.record", "--since", "1h", "--again", stderr=err
        )
    assert ended.value.code == 130
    assert "--done-before 20" in err.getvalue()
