"""Small files become one, and whoever reads meanwhile sees each event once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from django.conf import settings
from django.db import DatabaseError, OperationalError, connection, transaction

from apps.datalake_ingestion import exchanging, locks, queries
from apps.datalake_ingestion.lake import Lake, open_lake
from apps.datalake_ingestion.messages import ClearLakeFile, MergeLakeFile
from apps.datalake_ingestion.models import LakeFile
from apps.datalake_ingestion.operations import collecting, compacting
from apps.datalake_ingestion.subscriptions import clear_file, compact, merge_file
from wildrydes.envelope import Envelope
from wildrydes.models import Message

pytestmark = pytest.mark.django_db

Make = Callable[..., Envelope]
Ingest = Callable[..., None]

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = NOON + timedelta(days=2)
ONCE = "SELECT count(*), count(DISTINCT id) FROM read_parquet(?)"


def here() -> Lake:
    return open_lake(settings.LAKE_URL)


def globbed(directory: Path) -> tuple[int, int]:
    """Return how many rows, and how many events, a reader of the bare pattern sees."""
    pattern = str(directory / "type=*" / "day=*" / "*.parquet")
    (row,) = duckdb.connect().execute(ONCE, [pattern]).fetchall()
    return row


def counted() -> tuple[int, int]:
    """Return how many rows, and how many events, are in the files that the table names."""
    lake = here()
    ids = [
        name
        for row in queries.live_files()
        for name in _ids(lake, queries.whereabouts(row, lake=lake))
    ]
    return len(ids), len(set(ids))


def _ids(lake: Lake, path: str) -> list[str]:
    connection = duckdb.connect()
    connection.register("content", compacting.parquet.read(lake.get(path)))
    return [name for (name,) in connection.execute("SELECT id FROM content").fetchall()]


def run_compaction(*, now: datetime = LATER) -> list[LakeFile]:
    return list(compacting.compact(lake=here(), now=now))


def visible(directory: Path) -> list[Path]:
    return sorted(directory.glob("type=*/day=*/*.parquet"))


def test_the_small_files_of_a_day_become_one_with_every_event(
    ride_completed: Make, ingest: Ingest, lake_directory: Path
) -> None:
    ingest(*([ride_completed(), ride_completed()] for _ in range(5)))
    before = sorted(row["id"] for row in queries.read_lake(str(lake_directory)))

    (file,) = run_compaction()

    assert (file.merges, file.rows) == (5, 10)
    assert [path.stem for path in visible(lake_directory)] == [str(file.id)]
    assert file.bytes == visible(lake_directory)[0].stat().st_size
    assert [row["id"] for row in queries.read_lake(str(lake_directory))] == before
    assert LakeFile.objects.get() == file
    assert list(lake_directory.rglob(".*")) == []


def test_days_and_types_stay_apart_and_a_file_that_is_alone_is_left(
    ride_completed: Make, customer_registered: Make, ingest: Ingest, lake_directory: Path
) -> None:
    next_day = NOON + timedelta(days=1)
    ingest([ride_completed()], [ride_completed()], [ride_completed(time=next_day)])
    ingest([customer_registered()])

    (file,) = run_compaction()

    assert (file.type, file.day, file.rows) == ("v1.ride.completed", NOON.date(), 2)
    assert len(visible(lake_directory)) == 3
    assert run_compaction() == []


def test_what_is_younger_than_asked_for_is_left(
    ride_completed: Make, ingest: Ingest, lake_directory: Path
) -> None:
    ingest([ride_completed()], [ride_completed()])
    day = timedelta(days=1)

    assert list(compacting.compact(lake=here(), older_than=day, now=NOON + day / 2)) == []
    assert len(list(compacting.compact(lake=here(), older_than=day, now=NOON + 2 * day))) == 1


def test_what_is_merged_is_merged_again_with_what_came_since(
    ride_completed: Make, ingest: Ingest, lake_directory: Path
) -> None:
    ingest([ride_completed()], [ride_completed()])
    run_compaction()
    ingest([ride_completed()])

    run_compaction()

    assert globbed(lake_directory) == (3, 3)
    assert len(visible(lake_directory)) == 1


def test_no_file_grows_beyond_what_is_full(
    ride_completed: Make, ingest: Ingest, lake_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compacting, "FULL", 5)
    ingest(*([ride_completed(), ride_completed()] for _ in range(5)))

    assert [file.rows for file in run_compaction()] == [4, 4]
    assert globbed(lake_directory) == (10, 10)


class Dies(BaseException):
    """A process that ends in the middle."""


POINTS = ("planned", "merging", "built", "merged", "clearing", "cleared")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("point", POINTS)
def test_a_compaction_that_is_broken_off_anywhere_shows_each_event_once_and_is_finished_later(
    ride_completed: Make,
    ingest: Ingest,
    lake_directory: Path,
    monkeypatch: pytest.MonkeyPatch,
    point: str,
) -> None:
    ingest(*([ride_completed(), ride_completed()] for _ in range(3)))
    die_at(f"lake.{point}", monkeypatch)

    assert globbed(lake_directory) == counted() == (6, 6)
    ingest([ride_completed()])
    run_compaction()
    run_compaction()

    assert globbed(lake_directory) == counted() == (7, 7)
    assert len(visible(lake_directory)) == 1
    assert list(lake_directory.rglob(".*")) == []


def die_at(wanted: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run a compaction that ends at a crash point."""

    def reach(point: str) -> None:
        if point == wanted:
            raise Dies

    with monkeypatch.context() as patched:
        patched.setattr("wildrydes.crashpoints.reach", reach)
        with pytest.raises(Dies):
            run_compaction()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("point", POINTS)
def test_where_directories_cannot_change_places_the_table_still_names_each_event_once(
    ride_completed: Make,
    ingest: Ingest,
    lake_directory: Path,
    monkeypatch: pytest.MonkeyPatch,
    point: str,
) -> None:
    monkeypatch.setattr(exchanging, "exchange", lambda one, other: False)
    ingest(*([ride_completed()] for _ in range(3)))
    die_at(f"lake.{point}", monkeypatch)
    rows, events = globbed(lake_directory)

    assert events == 3
    assert rows >= 3
    assert counted() == (3, 3)
    run_compaction()
    assert globbed(lake_directory) == counted() == (3, 3)


@pytest.mark.django_db(transaction=True)
def test_a_source_that_lost_rows_is_never_replaced(
    ride_completed: Make, ingest: Ingest, lake_directory: Path
) -> None:
    ingest([ride_completed()], [ride_completed(), ride_completed()])
    small, large = LakeFile.objects.order_by("rows")
    lake = here()
    path = lake.path(type_=small.type, day=small.day, file=small.id)
    lake.put(lake.path(type_=large.type, day=large.day, file=large.id), lake.get(path))

    with pytest.raises(compacting.LakeError, match="1 rows and not 2"):
        run_compaction()

    assert len(visible(lake_directory)) == 2


def test_the_clock_plans_what_is_worth_it_and_messages_do_the_rest(
    ride_completed: Make, ingest: Ingest, lake_directory: Path, commanded: Any
) -> None:
    ingest(*([ride_completed()] for _ in range(compacting.UNASKED)))

    compact(ride_completed())
    for handle, type_ in ((merge_file, MergeLakeFile.TYPE), (clear_file, ClearLakeFile.TYPE)):
        handle(Message.objects.get(type=type_).to_envelope())

    assert len(visible(lake_directory)) == 1
    assert globbed(lake_directory) == (compacting.UNASKED, compacting.UNASKED)


def test_the_clock_leaves_few_files_alone_and_large_ones_among_small(
    ride_completed: Make, ingest: Ingest, lake_directory: Path
) -> None:
    many = [ride_completed() for _ in range(50)]
    ingest(many, *([ride_completed()] for _ in range(compacting.UNASKED - 1)))

    compact(ride_completed())
    assert not LakeFile.objects.filter(merges__gt=0).exists()
    ingest([ride_completed()])
    compact(ride_completed())

    assert LakeFile.objects.get(merges__gt=0).rows == compacting.UNASKED


def test_a_file_that_was_merged_is_not_written_again_by_a_late_command(
    ride_completed: Make, ingest: Ingest, lake_directory: Path
) -> None:
    ingest([ride_completed()], [ride_completed()])
    gone = list(LakeFile.objects.values_list("id", flat=True))
    run_compaction()

    for lake_file in gone:
        collecting.write_file(lake_file=lake_file, lake=here(), now=LATER)

    assert globbed(lake_directory) == (2, 2)


@pytest.mark.django_db(transaction=True)
def test_a_file_is_written_before_a_directory_changes_places_or_after_it(
    ride_completed: Make, lake_directory: Path
) -> None:
    collecting_at(ride_completed())
    row = LakeFile.objects.get()
    writer = threading.Thread(target=write, args=(row,))

    with transaction.atomic():
        locks.take("files", row.type, row.day)
        writer.start()
        while writer.is_alive() and not somebody_waits():
            pass
        assert visible(lake_directory) == []
    writer.join()

    assert globbed(lake_directory) == (1, 1)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("exchanges", [True, False])
@pytest.mark.parametrize("point", ["outside.before", "lake.drafted"])
def test_a_writer_that_was_stopped_for_long_brings_no_file_back(
    ride_completed: Make,
    ingest: Ingest,
    lake_directory: Path,
    monkeypatch: pytest.MonkeyPatch,
    point: str,
    exchanges: bool,
) -> None:
    if not exchanges:
        monkeypatch.setattr(exchanging, "exchange", lambda one, other: False)
    collecting_at(ride_completed())
    stopped = Stopped(lambda: write(LakeFile.objects.get()), at=point)
    monkeypatch.setattr("wildrydes.crashpoints.reach", stopped.reach)
    stopped.begin()

    ingest([ride_completed()])
    run_compaction()
    stopped.go_on()

    assert isinstance(stopped.error, (OperationalError, FileNotFoundError))
    assert globbed(lake_directory) == counted() == (2, 2)
    assert len(visible(lake_directory)) == 1
    assert list(lake_directory.rglob(".*")) == []


@pytest.mark.django_db(transaction=True)
def test_a_merge_that_was_stopped_for_long_hides_nothing(
    ride_completed: Make, ingest: Ingest, lake_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest([ride_completed()], [ride_completed()])
    stopped = Stopped(run_compaction, at="lake.merging")
    monkeypatch.setattr("wildrydes.crashpoints.reach", stopped.reach)
    stopped.begin()

    run_compaction()
    ingest([ride_completed()])
    run_compaction()
    stopped.go_on()

    assert isinstance(stopped.error, OperationalError)
    assert globbed(lake_directory) == counted() == (3, 3)


class Stopped:
    """A process that is stopped at a crash point, until Postgres has ended its transaction."""

    def __init__(self, run: Callable[[], Any], *, at: str) -> None:
        self.error: BaseException | None = None
        self._run, self._at = run, at
        self._pid = 0
        self._is_there, self._goes_on = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._live)

    def begin(self) -> None:
        """Let it run until it is stopped, and its transaction end."""
        self._thread.start()
        assert self._is_there.wait(60)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s, 60000)", [self._pid])

    def go_on(self) -> None:
        """Let it run to its end."""
        self._goes_on.set()
        self._thread.join()

    def reach(self, point: str) -> None:
        """Stop there, once; whoever else comes by goes on."""
        if point == self._at and threading.current_thread() is self._thread:
            self._pid = connection.connection.info.backend_pid
            self._is_there.set()
            assert self._goes_on.wait(60)

    def _live(self) -> None:
        try:
            self._run()
        except (OSError, DatabaseError, AssertionError) as error:
            self.error = error
        finally:
            connection.close()


def collecting_at(event: Envelope) -> None:
    with transaction.atomic():
        collecting.collect_events(events=[event], now=event.time)


def write(row: LakeFile) -> None:
    try:
        collecting.write_file(lake_file=row.id, lake=here(), now=LATER)
    finally:
        connection.close()


def somebody_waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)")
        return bool(cursor.fetchone()[0])
