"""Loss detector: what is stuck is found, with count and age, and a monitor is told so."""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection
from django.db.models import F
from django.db.models.functions import Now

from wildrydes import doctor, queue_limits
from wildrydes.doctor import Finding, statements
from wildrydes.models import Consumer, Dispatch, Receipt, Request, Unrouted, new_id

from .conftest import Kernel, small_topology

HOUR = timedelta(hours=1)
EVERYBODY = ("first.record", "second.record", "second.do")


def everybody_is_there() -> None:
    """Let a worker say that it serves every subscription."""
    doctor.seen(worker="worker@here", subscriptions=EVERYBODY)


def findings() -> dict[str, Finding]:
    """Examine with a worker present; return what was found by name."""
    everybody_is_there()
    return {finding.name: finding for finding in doctor.examine()}


def wrong() -> set[str]:
    """Return the names of what is wrong."""
    return {name for name, finding in findings().items() if finding.wrong}


def hours_old(finding: Finding) -> float:
    """Return the age of the oldest in hours."""
    assert finding.oldest is not None
    return round(finding.oldest / HOUR, 1)


def test_where_nothing_is_stuck_nothing_is_wrong(kernel: Kernel) -> None:
    kernel.publish(10)
    kernel.relay.turn()
    kernel.work("first")
    kernel.work("second")
    found = findings()
    assert [finding.count for finding in found.values()] == [0] * len(found)
    assert wrong() == set()


def test_work_that_is_young_is_seen_and_not_wrong(kernel: Kernel) -> None:
    kernel.publish(1)
    finding = findings()["unrouted"]
    assert (finding.count, finding.wrong) == (1, False)


def test_a_message_that_no_relay_looks_at_is_found(kernel: Kernel) -> None:
    kernel.publish(1, 2)
    Unrouted.objects.update(due_at=F("due_at"))
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE wildrydes_message DISABLE TRIGGER wildrydes_refuse_update")
        cursor.execute("UPDATE wildrydes_message SET published_at = now() - interval '2 hours'")
        cursor.execute("ALTER TABLE wildrydes_message ENABLE TRIGGER wildrydes_refuse_update")
    finding = findings()["unrouted"]
    assert (finding.count, finding.wrong, hours_old(finding)) == (2, True, 2.0)


def test_a_message_that_is_not_due_is_not_missed(kernel: Kernel) -> None:
    kernel.publish(1)
    Unrouted.objects.update(due_at=Now() + HOUR)
    assert findings()["unrouted"].count == 0


def test_a_dispatch_that_nobody_acknowledges_is_found_although_its_lease_is_extended(
    kernel: Kernel,
) -> None:
    kernel.publish(1)
    kernel.relay.turn()
    Dispatch.objects.update(sent_at=F("sent_at") - HOUR, lease_until=Now() + HOUR)
    finding = findings()["unacknowledged"]
    assert (finding.wrong, hours_old(finding)) == (True, 1.0)
    assert finding.by_subscription == {"first.record": 1}


def test_a_dispatch_within_its_lease_is_none_of_them(kernel: Kernel) -> None:
    kernel.publish(1)
    kernel.relay.turn()
    assert findings()["unacknowledged"].count == 0


def test_a_backlog_is_found(kernel: Kernel) -> None:
    kernel.use(small_topology(max_open=1, batch_items=1))
    kernel.publish(1, 2, 3)
    kernel.relay.turn()
    Dispatch.objects.filter(sent_at__isnull=True).update(created_at=Now() - HOUR)
    finding = findings()["waiting"]
    assert (finding.count, finding.wrong, hours_old(finding)) == (2, True, 1.0)


def test_what_waits_behind_a_limit_is_shown_and_not_wrong(kernel: Kernel) -> None:
    queue_limits.limit(queue="first", per_second=0.001, by="ada")
    kernel.publish(1, 2, 3)
    kernel.relay.turn()
    Dispatch.objects.update(created_at=Now() - HOUR)
    found = findings()
    assert (found["waiting"].count, found["waiting"].wrong) == (0, False)
    assert (found["held back"].wrong, hours_old(found["held back"])) == (False, 1.0)
    assert found["held back"].by_subscription == {"first": 1}
    queue_limits.unlimit(queue="first", by="ada")
    assert findings()["waiting"].wrong


def receipt(status: str, *, group: str = "", **fields: Any) -> None:
    """Store a receipt as old as an hour."""
    Receipt.objects.create(
        subscription="first.record",
        message_id=new_id(),
        message_type="v1.test.happened",
        status=status,
        group_id=group,
        received_at=Now() - HOUR,
        **fields,
    )


def test_parked_groups_are_counted_by_group(kernel: Kernel) -> None:
    for group in ("a", "a", "b"):
        receipt("parked", group=group)
    finding = findings()["parked groups"]
    assert (finding.count, finding.wrong, hours_old(finding)) == (2, True, 1.0)
    assert finding.by_subscription == {"first.record": 2}


def test_a_dead_letter_is_wrong_however_young(kernel: Kernel) -> None:
    receipt("dead", last_failed_at=Now())
    finding = findings()["dead letters"]
    assert (finding.count, finding.wrong, hours_old(finding)) == (1, True, 0.0)


def test_a_retry_that_nobody_sends_is_found(kernel: Kernel) -> None:
    receipt("retrying", next_attempt_at=Now() - HOUR)
    receipt("retrying", next_attempt_at=Now() + HOUR)
    finding = findings()["retries overdue"]
    assert (finding.count, finding.wrong, hours_old(finding)) == (1, True, 1.0)


def test_a_retry_that_is_neither_scheduled_nor_under_way_is_found(kernel: Kernel) -> None:
    receipt("retrying", next_attempt_at=None)
    assert wrong() == {"retries lost"}
    lost = Receipt.objects.get()
    Dispatch.objects.create(
        subscription="first.record",
        queue="first",
        source="receipts",
        message_ids=[lost.message_id],
        size=1,
        weight=1,
    )
    assert wrong() == set()


def test_a_request_whose_timer_does_not_run_is_found(kernel: Kernel) -> None:
    Request.objects.create(
        id=new_id(), type="v1.test.do", reply_to="first.record", deadline=Now() - HOUR
    )
    assert wrong() == {"requests overdue"}


def test_a_subscription_that_nobody_was_ever_heard_to_serve_is_found(kernel: Kernel) -> None:
    doctor.seen(worker="worker@here", subscriptions=["first.record", "second.record"])
    (finding,) = [item for item in doctor.examine() if item.wrong]
    assert finding.name == "consumers unseen"
    assert finding.by_subscription == {"second.do": 1}
    assert finding.oldest is None


def test_a_worker_that_fell_silent_is_missed_unless_another_serves_the_same(kernel: Kernel) -> None:
    everybody_is_there()
    Consumer.objects.update(last_seen=Now() - HOUR)
    finding = doctor.examine()[-1]
    assert (finding.count, finding.wrong, hours_old(finding)) == (3, True, 1.0)
    doctor.seen(worker="another@here", subscriptions=EVERYBODY)
    assert not doctor.examine()[-1].wrong


def test_a_worker_that_is_heard_of_again_stays_one_row(kernel: Kernel) -> None:
    everybody_is_there()
    first = Consumer.objects.get(subscription="first.record")
    everybody_is_there()
    again = Consumer.objects.get(subscription="first.record")
    assert again.first_seen == first.first_seen
    assert again.last_seen > first.last_seen
    assert again.queue == "first"


def test_old_workers_are_forgotten_but_never_the_last_of_a_subscription(kernel: Kernel) -> None:
    doctor.seen(worker="old", subscriptions=["first.record", "second.do"])
    Consumer.objects.update(last_seen=Now() - timedelta(days=2))
    doctor.seen(worker="new", subscriptions=["first.record"])
    assert doctor.forget() == 1
    left = set(Consumer.objects.values_list("worker", "subscription"))
    assert left == {("new", "first.record"), ("old", "second.do")}


def test_what_is_very_much_is_not_counted_to_the_end(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(statements, "COUNTED_AT_MOST", 3)
    kernel.publish(*range(8))
    finding = findings()["unrouted"]
    assert (finding.count, finding.at_least) == (3, True)


def test_receipts_are_found_by_their_index(kernel: Kernel) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET enable_seqscan = off")
        try:
            cursor.execute(f"EXPLAIN {statements.DEAD}", {"most": 10})
            plan = "\n".join(row[0] for row in cursor.fetchall())
        finally:
            cursor.execute("RESET enable_seqscan")
    assert "Seq Scan on wildrydes_receipt" not in plan


def command(*arguments: str) -> tuple[str, object]:
    """Run `manage.py doctor`; return what it printed and its exit status."""
    out = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("doctor", *arguments, stdout=out)
    return out.getvalue(), ended.value.code


def test_the_exit_status_says_that_all_is_well(kernel: Kernel) -> None:
    everybody_is_there()
    printed, status = command()
    assert status == 0
    assert "ok     dead letters: 0" in printed


def test_the_exit_status_and_the_json_say_that_something_is_wrong(kernel: Kernel) -> None:
    everybody_is_there()
    receipt("dead")
    printed, status = command("--json")
    told = json.loads(printed)
    assert (status, told["ok"]) == (1, False)
    (finding,) = [item for item in told["findings"] if item["wrong"]]
    assert (finding["name"], finding["count"]) == ("dead letters", 1)
    assert 3590 < finding["oldest_seconds"] < 3700
    assert finding["by_subscription"] == {"first.record": 1}


def test_what_counts_as_stuck_is_for_the_caller_to_say(kernel: Kernel) -> None:
    everybody_is_there()
    receipt("retrying", next_attempt_at=Now() - HOUR)
    assert command("--max-age", "7200")[1] == 0
    assert command("--max-age", "1800")[1] == 1


def test_the_exit_status_says_that_it_could_not_look(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(**options: object) -> None:
        raise OperationalError("the connection is closed")

    monkeypatch.setattr(doctor, "examine", fail)
    with pytest.raises(CommandError, match="the connection is closed") as ended:
        call_command("doctor")
    assert ended.value.returncode == 2
