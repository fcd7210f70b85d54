"""What the log has and the lake has not is put into the lake, once."""

from __future__ import annotations

import io
import json
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection, transaction

from apps.datalake_ingestion import queries
from apps.datalake_ingestion.models import LakeFile
from apps.datalake_ingestion.subscriptions import collect_events
from apps.identity.messages import CustomerRegistered
from wildrydes import publishing
from wildrydes.models import Dispatch, Message, Receipt, Unrouted

pytestmark = pytest.mark.django_db(transaction=True)

COLLECT = "datalake_ingestion.collect_events"


@pytest.fixture(autouse=True)
def lake(lake_directory: Path) -> Path:
    """Have an empty lake."""
    return lake_directory


def happen(count: int) -> list[Message]:
    """Publish events that nobody is to be sent any more."""
    with transaction.atomic():
        ids = [
            publishing.publish(CustomerRegistered(customer=f"c{n}", email="c@example.org", name=""))
            for n in range(count)
        ]
    Unrouted.objects.all().delete()
    return list(Message.objects.filter(id__in=ids).order_by("position"))


def receive(messages: list[Message]) -> None:
    """Let the lake collect messages as a worker would."""
    with transaction.atomic():
        collect_events([message.to_envelope() for message in messages])
        for message in messages:
            receipt(message)


def receipt(message: Message, **more: Any) -> Receipt:
    created: Receipt = Receipt.objects.create(
        subscription=COLLECT, message_id=message.id, message_type=message.type, **more
    )
    return created


def backfill(*arguments: str) -> dict[str, Any]:
    output = io.StringIO()
    call_command("lake", "backfill", "--since", "1h", "--json", *arguments, stdout=output)
    told: dict[str, Any] = json.loads(output.getvalue())
    return told


def in_lake(lake: Path) -> int:
    rows = queries.read_lake(str(lake))
    assert len({row["id"] for row in rows}) == len(rows)
    return len(rows)


def test_what_was_never_received_is_put_into_the_lake_and_gets_a_receipt(lake: Path) -> None:
    happen(3)

    assert backfill() == {"looked_at": 3, "added": 3, "lost_files": 0, "dry_run": False}

    assert in_lake(lake) == 3
    assert Receipt.objects.filter(subscription=COLLECT, status="done").count() == 3
    assert backfill()["added"] == 0
    assert in_lake(lake) == 3


def test_what_is_in_the_lake_or_on_its_way_there_is_left(lake: Path) -> None:
    receive(happen(2))
    assert backfill()["added"] == 0
    messages = happen(1)
    receive(messages)

    assert backfill("--dry-run")["added"] == 0
    assert LakeFile.objects.count() == 2


def test_after_compaction_too(lake: Path) -> None:
    happen(2)
    backfill()
    happen(1)
    backfill()
    call_command("lake", "compact", stdout=io.StringIO())

    assert backfill()["added"] == 0
    assert in_lake(lake) == 3


def test_a_lake_that_was_lost_comes_back_from_the_log(lake: Path) -> None:
    happen(3)
    backfill()
    happen(2)
    backfill()
    shutil.rmtree(lake)

    assert backfill() == {"looked_at": 5, "added": 5, "lost_files": 2, "dry_run": False}

    assert in_lake(lake) == 5
    assert sum(LakeFile.objects.values_list("rows", flat=True)) == 5


def unrouted(message: Message) -> None:
    Unrouted.objects.create(due_at=message.published_at, position=message.position)


def dispatched(message: Message) -> None:
    Dispatch.objects.create(
        subscription=COLLECT, queue="x", message_ids=[message.id], size=1, weight=1
    )


def retrying(message: Message) -> None:
    receipt(message, status="retrying")


def dead(message: Message) -> None:
    receipt(message, status="dead")


@pytest.mark.parametrize("put", [unrouted, dispatched, retrying, dead])
def test_what_comes_by_itself_is_not_brought(lake: Path, put: Callable[[Message], None]) -> None:
    (message,) = happen(1)
    put(message)

    assert backfill()["added"] == 0
    Unrouted.objects.all().delete()


def test_what_a_worker_receives_in_the_same_moment_is_collected_by_one_of_the_two(
    lake: Path,
) -> None:
    (message,) = happen(1)
    told: list[dict[str, Any]] = []

    def run() -> None:
        try:
            told.append(backfill())
        finally:
            connection.close()

    other = threading.Thread(target=run)
    with transaction.atomic():
        receive([message])
        other.start()
        while other.is_alive() and not somebody_waits():
            pass
    other.join()

    assert told[0]["added"] == 0
    assert LakeFile.objects.count() == 1


def somebody_waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)")
        return bool(cursor.fetchone()[0])


def test_only_the_type_and_the_time_that_are_asked_for(lake: Path) -> None:
    happen(2)

    assert backfill("--type", "v1.ride.completed")["added"] == 0
    assert backfill("--until", "30m")["added"] == 0
    assert backfill("--type", "v1.customer.registered")["added"] == 2
    with pytest.raises(CommandError, match="does not go to the lake"):
        backfill("--type", "v1.email.send")


def test_a_message_for_others_only_is_left(lake: Path) -> None:
    with transaction.atomic():
        publishing.publish(
            CustomerRegistered(customer="c", email="c@example.org", name=""),
            recipients=["customer_notification.record_contact"],
        )
    Unrouted.objects.all().delete()

    assert backfill()["added"] == 0


def test_a_backfill_goes_on_page_by_page(lake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.datalake_ingestion.operations.backfilling.PAGE", 2)
    happen(5)

    assert backfill()["added"] == 5
    assert in_lake(lake) == 5
