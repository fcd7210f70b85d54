"""Old messages leave the log only when the archive is known to have them."""

from __future__ import annotations

import contextlib
import io
import json
import threading
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pyarrow.parquet as pq
import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection, transaction
from django.db.models import F
from structlog.testing import capture_logs

from apps.datalake_ingestion import archived
from apps.datalake_ingestion.lake import Lake
from apps.datalake_ingestion.models import Archive
from apps.datalake_ingestion.operations import archiving
from apps.identity.messages import CustomerRegistered
from wildrydes import publishing
from wildrydes.models import Message, Receipt, Unrouted

pytestmark = pytest.mark.django_db(transaction=True)

YEAR = timedelta(days=365)
NOTIFY = "customer_notification.record_contact"


@pytest.fixture(autouse=True)
def lake(lake_directory: Path) -> Path:
    """Have an empty lake."""
    return lake_directory


def happened(count: int, *, ago: timedelta = YEAR) -> list[UUID]:
    """Publish events as if it had been some time ago, with receipts of that time."""
    with transaction.atomic():
        ids = [
            publishing.publish(
                CustomerRegistered(customer=f"c{n}", email="c@example.org", name="Ünï")
            )
            for n in range(count)
        ]
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL session_replication_role = replica")
            cursor.execute(
                "UPDATE wildrydes_message SET published_at = published_at - %s WHERE id = ANY(%s)",
                [ago, ids],
            )
    Unrouted.objects.all().delete()
    for message_id in ids:
        Receipt.objects.create(subscription=NOTIFY, message_id=message_id, message_type="x")
    Receipt.objects.filter(message_id__in=ids).update(received_at=F("received_at") - ago)
    return ids


def archive(*arguments: str) -> dict[str, Any]:
    output = io.StringIO()
    call_command("lake", "archive", "--json", *arguments, stdout=output)
    told: dict[str, Any] = json.loads(output.getvalue())
    return told


def in_archive(lake: Path) -> list[dict[str, Any]]:
    rows = [row for path in lake.glob("archive/**/*.parquet") for row in _rows(path)]
    return sorted(rows, key=lambda row: row["position"])


def _rows(path: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(path, partitioning=None).to_pylist()
    return rows


def test_what_is_old_moves_into_the_archive_whole_and_the_rest_stays(lake: Path) -> None:
    old = happened(3)
    young = happened(2, ago=timedelta(days=2))
    whole = list(Message.objects.filter(id__in=old).order_by("position"))

    assert archive() == {"files": 1, "messages": 3, "purged": 3, "dry_run": False}

    assert list(Message.objects.order_by("position").values_list("id", flat=True)) == young
    assert {receipt.message_id for receipt in Receipt.objects.all()} == set(young)
    rows = in_archive(lake)
    assert [UUID(row["id"]) for row in rows] == old
    assert [row["published_at"] for row in rows] == [message.published_at for message in whole]
    assert [json.loads(row["data"]) for row in rows] == [message.data for message in whole]
    assert archive() == {"files": 0, "messages": 0, "purged": 0, "dry_run": False}


def test_the_archive_knows_its_checksum_and_is_beside_what_readers_of_the_lake_find(
    lake: Path,
) -> None:
    happened(2)
    archive()

    row = Archive.objects.get()
    (path,) = lake.glob("archive/**/*.parquet")
    assert archived.checksum_of_file(path.read_bytes()) == (2, row.sha256)
    assert row.bytes == path.stat().st_size
    assert row.message_ids == []
    assert list(lake.glob("type=*/day=*/*.parquet")) == []


def test_a_dry_run_changes_nothing(lake: Path) -> None:
    happened(2)

    assert archive("--dry-run") == {"files": 1, "messages": 2, "purged": 0, "dry_run": True}
    assert Message.objects.count() == 2
    assert not Archive.objects.exists()


def spoil(content: bytes) -> bytes:
    table = pq.read_table(io.BytesIO(content)).slice(1)
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()


def change(content: bytes) -> bytes:
    table = pq.read_table(io.BytesIO(content))
    rows = [row | {"data": row["data"].replace("c0", "c9")} for row in table.to_pylist()]
    sink = io.BytesIO()
    pq.write_table(type(table).from_pylist(rows, schema=table.schema), sink)
    return sink.getvalue()


@pytest.mark.parametrize("harm", [spoil, change])
def test_what_does_not_read_back_as_it_was_written_is_not_purged(
    monkeypatch: pytest.MonkeyPatch, harm: Callable[[bytes], bytes]
) -> None:
    happened(2)
    original = Lake.put
    with monkeypatch.context() as patched:
        patched.setattr(Lake, "put", lambda self, path, c: original(self, path, harm(c)))
        with pytest.raises(CommandError, match="nothing was purged"):
            archive()
    assert Message.objects.count() == 2
    assert Archive.objects.get().verified_at is None

    assert archive()["purged"] == 2


class Dies(BaseException):
    """A process that ends in the middle."""


@pytest.mark.parametrize("point", ["planned", "written", "verified", "purged"])
def test_what_was_broken_off_anywhere_is_gone_on_with_and_archives_nothing_twice(
    lake: Path, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    old = happened(3)

    with pytest.raises(Dies):
        archive_until(f"archive.{point}", monkeypatch)
    gone = set(old) - set(Message.objects.values_list("id", flat=True))
    assert gone <= {UUID(row["id"]) for row in in_archive(lake)}

    happened(2)
    archive()
    archive()

    assert not Message.objects.exists()
    ids = [row["id"] for row in in_archive(lake)]
    assert len(ids) == len(set(ids)) == 5


def test_what_somebody_needs_is_not_archived_and_what_is_needed_since_stays_in_the_log(
    lake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dead, since, _ = happened(3)
    Receipt.objects.filter(message_id=dead).update(status="dead")

    def need(point: str) -> None:
        if point == "archive.verified":
            Receipt.objects.filter(message_id=since).update(status="dead")

    with monkeypatch.context() as patched:
        patched.setattr("wildrydes.crashpoints.reach", need)
        assert archive() == {"files": 1, "messages": 2, "purged": 1, "dry_run": False}
    assert set(Message.objects.values_list("id", flat=True)) == {dead, since}
    assert Archive.objects.get().message_ids == [since]

    Receipt.objects.update(status="done")
    assert archive() == {"files": 1, "messages": 1, "purged": 2, "dry_run": False}
    assert not Message.objects.exists()
    assert len(in_archive(lake)) == 3


@pytest.mark.parametrize("point", ["planned", "verified", "purged", "never"])
def test_two_that_archive_at_once_archive_nothing_twice(
    lake: Path, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    happened(3)
    plan = archiving._plan

    def come_late(ids: Sequence[UUID], *, now: datetime) -> Archive | None:
        monkeypatch.setattr(archiving, "_plan", plan)
        with contextlib.suppress(Dies):
            archive_until(f"archive.{point}", monkeypatch)
        return plan(ids, now=now)

    monkeypatch.setattr(archiving, "_plan", come_late)
    archive()
    archive()

    assert not Message.objects.exists()
    assert len(in_archive(lake)) == 3


def archive_until(point: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Archive as another process would that dies at a point."""

    def reach(reached: str) -> None:
        if reached == point:
            raise Dies

    with monkeypatch.context() as patched:
        patched.setattr("wildrydes.crashpoints.reach", reach)
        archive()


def test_one_that_comes_late_finds_the_work_done(
    lake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    happened(3)
    begun: list[str] = []

    def overtake(point: str) -> None:
        if point == "archive.planned" and not begun:
            begun.append(point)
            archive()

    with monkeypatch.context() as patched:
        patched.setattr("wildrydes.crashpoints.reach", overtake)
        archive()

    assert not Message.objects.exists()
    assert len(in_archive(lake)) == 3


def purge() -> int:
    """Purge, as `manage.py purge` does; return how many messages have gone."""
    output = io.StringIO()
    call_command("purge", "--json", stdout=output)
    gone: int = json.loads(output.getvalue())["messages"]
    return gone


@pytest.mark.parametrize("point", ["planned", "written"])
def test_a_purge_leaves_what_is_planned_until_the_archive_is_known_to_have_it(
    lake: Path, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    happened(3)
    with pytest.raises(Dies):
        archive_until(f"archive.{point}", monkeypatch)

    assert purge() == 0

    assert archive()["purged"] == 3
    assert len(in_archive(lake)) == 3


def test_what_is_verified_may_go_by_either(lake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    happened(3)
    with pytest.raises(Dies):
        archive_until("archive.verified", monkeypatch)

    assert purge() == 3

    assert archive() == {"files": 0, "messages": 0, "purged": 0, "dry_run": False}
    assert Archive.objects.get().message_ids == []
    assert len(in_archive(lake)) == 3


def test_a_purge_that_begins_while_a_plan_is_made_waits_for_it(
    lake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    happened(3)
    gone: list[int] = []
    purger = threading.Thread(target=lambda: gone.append(apart(purge)))

    def reach(point: str) -> None:
        if point == "archive.planning":
            purger.start()
            while purger.is_alive() and not waiting():
                pass
        if point == "archive.planned":
            purger.join()

    with monkeypatch.context() as patched:
        patched.setattr("wildrydes.crashpoints.reach", reach)
        archive()

    assert gone == [0]
    assert not Message.objects.exists()
    assert len(in_archive(lake)) == 3


def test_a_plan_is_of_what_a_purge_that_was_under_way_has_left(lake: Path) -> None:
    first, *_ = happened(3)
    Receipt.objects.filter(message_id=first).update(status="dead")
    threads = [threading.Thread(target=apart, args=(what,)) for what in (purge, archive)]

    with capture_logs() as logs:
        with transaction.atomic():
            list(Message.objects.select_for_update())
            for number, thread in enumerate(threads, start=1):
                thread.start()
                while thread.is_alive() and waiting() < number:
                    pass
        for thread in threads:
            thread.join()

    assert [message.id for message in Message.objects.all()] == [first]
    assert in_archive(lake) == []
    assert not Archive.objects.exists()
    assert [line for line in logs if line["event"] == "archive_planned_anew"] == []


def apart(what: Callable[[], Any]) -> Any:
    """Do something on a connection of its own, as another process would."""
    try:
        return what()
    finally:
        connection.close()


def waiting() -> int:
    """Return how many wait for a lock."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(DISTINCT pid) FROM pg_locks WHERE NOT granted")
        return int(cursor.fetchone()[0])


def remove(*ids: UUID) -> None:
    """Remove messages as no purge would."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM wildrydes_message WHERE id = ANY(%s)", [list(ids)])


def test_a_plan_that_lacks_messages_is_made_anew_with_what_is_there(
    lake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost, *rest = happened(3)
    with pytest.raises(Dies):
        archive_until("archive.planned", monkeypatch)
    remove(lost)

    with capture_logs() as logs:
        assert archive()["purged"] == 2

    (line,) = [line for line in logs if line["event"] == "archive_planned_anew"]
    assert (line["log_level"], line["planned"], line["there"]) == ("warning", 3, 2)
    assert [UUID(row["id"]) for row in in_archive(lake)] == rest
    row = Archive.objects.get()
    assert (row.rows, row.message_ids) == (2, [])


def test_a_plan_of_which_nothing_is_left_goes_and_what_came_later_is_archived(
    lake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = happened(2)
    with pytest.raises(Dies):
        archive_until("archive.planned", monkeypatch)
    remove(*lost)
    happened(1)

    assert archive() == {"files": 1, "messages": 1, "purged": 1, "dry_run": False}

    assert Archive.objects.get().rows == len(in_archive(lake)) == 1


def test_a_file_that_alone_has_what_the_log_lacks_is_kept_as_it_was_written(
    lake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost, *_ = happened(3)
    with pytest.raises(Dies):
        archive_until("archive.written", monkeypatch)
    remove(lost)

    assert archive()["purged"] == 2

    (path,) = lake.glob("archive/**/*.parquet")
    row = Archive.objects.get()
    assert archived.checksum_of_file(path.read_bytes()) == (3, row.sha256)
    assert (row.rows, row.bytes, row.message_ids) == (3, path.stat().st_size, [])


def test_what_is_younger_than_a_day_is_refused() -> None:
    with pytest.raises(CommandError, match="may still be delivered"):
        archive("--older-than", "1h")
