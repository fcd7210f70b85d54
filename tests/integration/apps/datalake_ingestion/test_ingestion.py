"""Every event is in the lake once, whatever is delivered or dies in between."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.db import IntegrityError, transaction

from apps.datalake_ingestion import queries
from apps.datalake_ingestion.lake import Lake, open_lake
from apps.datalake_ingestion.messages import WriteLakeFile
from apps.datalake_ingestion.models import LakeFile
from apps.datalake_ingestion.operations import collecting
from apps.datalake_ingestion.subscriptions import collect_events, write_file
from wildrydes.envelope import Envelope
from wildrydes.models import Message

pytestmark = pytest.mark.django_db

Make = Callable[..., Envelope]

NOW = datetime(2026, 3, 2, tzinfo=UTC)


def write_all() -> None:
    for row in Message.objects.filter(type=WriteLakeFile.TYPE):
        write_file(row.to_envelope())


def test_events_are_parted_by_type_and_by_the_day_they_happened(
    ride_completed: Make, customer_registered: Make, lake_directory: Path
) -> None:
    late = datetime(2026, 3, 1, 23, 59, tzinfo=UTC)

    collect_events(
        [
            ride_completed(time=late),
            ride_completed(time=late + timedelta(minutes=2)),
            ride_completed(time=late),
            customer_registered(time=late),
        ]
    )
    write_all()

    folders = {path.parent for path in files(lake_directory)}
    assert sorted(str(folder.relative_to(lake_directory)) for folder in folders) == [
        "type=v1.customer.registered/day=2026-03-01",
        "type=v1.ride.completed/day=2026-03-01",
        "type=v1.ride.completed/day=2026-03-02",
    ]
    assert queries.count_lake(str(lake_directory)) == {
        "v1.ride.completed": 3,
        "v1.customer.registered": 1,
    }


def files(lake_directory: Path) -> list[Path]:
    return [path for path in lake_directory.rglob("*") if path.is_file()]


def test_an_event_reads_back_as_it_was(ride_completed: Make, lake_directory: Path) -> None:
    ride = ride_completed()

    collect_events([ride])
    write_all()

    row = queries.read_lake(str(lake_directory))[0]
    assert UUID(row["id"]) == ride.id
    assert (row["time"], row["correlation_id"]) == (ride.time, "a-story")
    assert '"fare":256.5' in row["data"]


def test_a_file_that_is_written_lets_go_of_its_events(
    ride_completed: Make, lake_directory: Path
) -> None:
    collect_events([ride_completed()])
    write_all()

    file = LakeFile.objects.get()
    assert file.events is None
    assert file.written_at is not None
    assert file.bytes == files(lake_directory)[0].stat().st_size


def test_a_command_that_arrives_again_changes_nothing(
    ride_completed: Make, lake_directory: Path
) -> None:
    collect_events([ride_completed()])
    write_all()
    before = [(path, path.stat().st_mtime_ns) for path in files(lake_directory)]

    write_all()

    assert [(path, path.stat().st_mtime_ns) for path in files(lake_directory)] == before


def test_a_worker_that_dies_after_writing_and_before_its_commit_adds_nothing(
    ride_completed: Make, lake_directory: Path
) -> None:
    collect_events([ride_completed() for _ in range(3)])

    with transaction.atomic():
        write_all()
        transaction.set_rollback(True)
    first = [path.read_bytes() for path in files(lake_directory)]
    assert LakeFile.objects.get().written_at is None
    write_all()

    assert [path.read_bytes() for path in files(lake_directory)] == first
    assert len(queries.read_lake(str(lake_directory))) == 3


def test_a_worker_that_dies_while_writing_shows_readers_nothing(
    ride_completed: Make, lake_directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    collect_events([ride_completed()])
    seen: list[list[str]] = []

    def die(_: int) -> None:
        seen.append([path.name for path in files(lake_directory)])
        raise KeyboardInterrupt

    monkeypatch.setattr("os.fsync", die)
    with pytest.raises(KeyboardInterrupt):
        write_all()

    assert [name[0] for name in seen[0]] == ["."]
    assert queries.read_lake(str(lake_directory)) == []


def test_five_hundred_events_take_two_statements(
    ride_completed: Make, customer_registered: Make, django_assert_num_queries: Any
) -> None:
    batch = [ride_completed() for _ in range(250)] + [customer_registered() for _ in range(250)]

    with django_assert_num_queries(2):
        collect_events(batch)

    assert sorted(LakeFile.objects.values_list("rows", flat=True)) == [250, 250]


def test_a_lake_may_be_anything_that_fsspec_knows(ride_completed: Make) -> None:
    lake = open_lake("memory://lake-of-this-test")
    collecting.collect_events(events=[ride_completed()], now=NOW)

    collecting.write_file(lake_file=LakeFile.objects.get().id, lake=lake, now=NOW)

    assert lake.read().num_rows == 1


def test_events_cannot_be_dropped_before_they_are_written(ride_completed: Make) -> None:
    collect_events([ride_completed()])

    with pytest.raises(IntegrityError), transaction.atomic():
        LakeFile.objects.update(events=None)


def test_a_type_cannot_lead_out_of_the_lake() -> None:
    lake = Lake(open_lake("memory://").files, "/lake")

    path = lake.path(type_="../../x", day=NOW.date(), file=UUID(int=1))

    assert path == f"/lake/type=..%2F..%2Fx/day=2026-03-02/{UUID(int=1)}.parquet"
