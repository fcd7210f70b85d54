"""Compaction: small files of one type and day become one, in three steps that may be repeated.

Guarantee: from the commit of `plan` on it stands which files become which, so that `merge` and
`clear` do the same whenever they are run again. Whoever reads the files that `queries.live_files`
names sees each event once, before, between and after the steps.
Does not guarantee: that of a reader of the bare pattern in an object store; `lake.py` says why.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from uuid import UUID

import pyarrow as pa
from django.db import transaction
from django.db.models import Count

from apps.datalake_ingestion import locks, parquet, queries
from apps.datalake_ingestion.lake import Lake
from apps.datalake_ingestion.messages import MergeLakeFile
from apps.datalake_ingestion.models import LakeFile
from wildrydes import crashpoints, publishing

FULL = 100_000  # rows: a file of that many is not merged any more
UNASKED = 20  # files: fewer are not worth a merge that nobody asked for


class LakeError(Exception):
    """The lake is not as its table says; the text says where. Nothing was changed."""


def days_worth_it(*, at_least: int, until: datetime) -> list[tuple[str, date]]:
    """Return the type and day of small files that are at least so many, oldest day first."""
    days = _small_files(until=until).values("type", "day").annotate(files=Count("id"))
    worth_it = days.filter(files__gte=at_least).order_by("day", "type")
    return list(worth_it.values_list("type", "day"))


def plan(*, type_: str, day: date, at_least: int = 2, until: datetime, now: datetime) -> list[UUID]:
    """Decide which small files of a day, written before `until`, become one; return the new ones.

    Must be called inside a transaction. Where nobody asked for it (`at_least` is more than 2) a
    file that is larger than all smaller ones together is left alone: so no row is written again
    more often than the number of files has doubled.
    """
    locks.take("plan", type_, day)
    groups = _planned(type_, day, at_least, until)
    return [_put_together(group, now=now) for group in groups]


def plan_all(*, now: datetime) -> None:
    """Plan what is worth it without being asked, and command it. Inside a transaction."""
    for type_, day in days_worth_it(at_least=UNASKED, until=now):
        planned = plan(type_=type_, day=day, at_least=UNASKED, until=now, now=now)
        publishing.send_all(
            [
                publishing.Outgoing(body=MergeLakeFile(lake_file=file), subject=str(file))
                for file in planned
            ]
        )


def merge(*, lake_file: UUID, lake: Lake, now: datetime) -> None:
    """Put a planned file in the place of its sources, unless that was done.

    Raises `LakeError` when a source has not as many rows as it should, and `OperationalError` when
    Postgres has ended the transaction meanwhile: another may have done it by then.
    """
    with transaction.atomic(savepoint=False):
        row = LakeFile.objects.select_for_update().filter(id=lake_file).first()
        if row is None or row.written_at is not None:
            return
        sources = list(row.sources.order_by("id"))
        content = _content(lake, sources)
        paths = [_path(lake, source) for source in sources]
        locks.take("files", row.type, row.day)
        crashpoints.reach("lake.merging")
        whole = _path(lake, row)
        lake.replace(paths, by=whole, of=row.id, content=content, confirm=locks.confirm)
        crashpoints.reach("lake.merged")
        row.written_at, row.bytes = now, len(content)
        row.save(update_fields=["written_at", "bytes"])


def clear(*, lake_file: UUID, lake: Lake) -> None:
    """Remove the files, and the rows, whose place a merged file has taken."""
    with transaction.atomic(savepoint=False):
        row = LakeFile.objects.select_for_update().filter(id=lake_file).first()
        sources = list(row.sources.all()) if row and row.written_at else []
        if row is None or not sources:
            return
        crashpoints.reach("lake.clearing")
        lake.clear([_path(lake, source) for source in sources], of=row.id)
        crashpoints.reach("lake.cleared")
        row.sources.all().delete()


def unfinished() -> list[UUID]:
    """Return the merged files that are not written yet, or whose sources are still there."""
    planned = LakeFile.objects.filter(sources__isnull=False).distinct()
    return list(planned.order_by("id").values_list("id", flat=True))


def foreseen(*, until: datetime) -> list[int]:
    """Return how many files each merge would take that `compact` would make of what is free now."""
    days = days_worth_it(at_least=2, until=until)
    groups = [group for type_, day in days for group in _planned(type_, day, 2, until)]
    return [len(group) for group in groups]


def compact(
    *, lake: Lake, older_than: timedelta = timedelta(0), now: datetime
) -> Iterator[LakeFile]:
    """Finish what was begun, then merge every day's small files; yield each file that was made.

    Must not run inside a transaction. May be broken off, and run again, at any time.
    """
    until = now - older_than
    for lake_file in unfinished():
        yield _carry_out(lake_file, lake=lake, now=now)
    for type_, day in days_worth_it(at_least=2, until=until):
        with transaction.atomic():
            planned = plan(type_=type_, day=day, until=until, now=now)
        crashpoints.reach("lake.planned")
        for lake_file in planned:
            yield _carry_out(lake_file, lake=lake, now=now)


def _carry_out(lake_file: UUID, *, lake: Lake, now: datetime) -> LakeFile:
    merge(lake_file=lake_file, lake=lake, now=now)
    clear(lake_file=lake_file, lake=lake)
    return LakeFile.objects.get(id=lake_file)


def _small_files(*, until: datetime) -> queries.LakeFiles:
    """Return written files that are not full, in no merge, and not waiting to be cleared."""
    free = LakeFile.objects.filter(written_at__lte=until, merged_into=None, sources=None)
    return free.filter(rows__lt=FULL)


def _planned(type_: str, day: date, at_least: int, until: datetime) -> list[list[LakeFile]]:
    small = list(_small_files(until=until).filter(type=type_, day=day).order_by("rows", "id"))
    chosen = small if at_least <= 2 else _of_a_kind(small)
    return [group for group in _groups(chosen) if len(group) >= at_least]


def _of_a_kind(files: Sequence[LakeFile]) -> Sequence[LakeFile]:
    """Leave out, of files in order of size, those larger than all smaller ones together."""
    total, end = 0, 0
    for number, file in enumerate(files, start=1):
        if file.rows <= total:
            end = number
        total += file.rows
    return files[:end]


def _groups(files: Sequence[LakeFile]) -> Iterator[list[LakeFile]]:
    group: list[LakeFile] = []
    for file in files:
        if sum(member.rows for member in group) + file.rows > FULL:
            yield group
            group = []
        group.append(file)
    yield group


def _put_together(group: Sequence[LakeFile], *, now: datetime) -> UUID:
    whole = LakeFile.objects.create(
        type=group[0].type,
        day=group[0].day,
        rows=sum(file.rows for file in group),
        merges=len(group),
        collected_at=now,
    )
    LakeFile.objects.filter(id__in=[file.id for file in group]).update(merged_into=whole)
    return whole.id


def _content(lake: Lake, sources: Sequence[LakeFile]) -> bytes:
    """Return the sources' rows as one file, from wherever a broken-off merge has left them."""
    tables = []
    for source in sources:
        path = queries.whereabouts(source, lake=lake)
        table = parquet.read(lake.get(path))
        if table.num_rows != source.rows:
            raise LakeError(f"{path} has {table.num_rows} rows and not {source.rows}")
        tables.append(table)
    return parquet.write(pa.concat_tables(tables))


def _path(lake: Lake, row: LakeFile) -> str:
    return lake.path(type_=row.type, day=row.day, file=row.id)
