"""Two filters of a pipe: collect events into files-to-be, then write each file."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, date, datetime
from uuid import UUID

from django.db import transaction

from apps.datalake_ingestion import locks, parquet
from apps.datalake_ingestion.lake import Lake
from apps.datalake_ingestion.messages import WriteLakeFile
from apps.datalake_ingestion.models import LakeFile
from wildrydes import crashpoints, publishing
from wildrydes.envelope import Envelope


def place_of(event: Envelope) -> tuple[str, date]:
    """Return the type and the UTC day under which an event stands in the lake."""
    return event.type, event.time.astimezone(UTC).date()


def collect_events(*, events: Sequence[Envelope], now: datetime) -> list[UUID]:
    """Gather events into one file-to-be for each type and UTC day, and command each to be written.

    Return the files' ids. Two statements for any number of events. Must be called inside a
    transaction: the file, the command to write it and the receipts of its events stand together or
    not at all.
    """
    groups: defaultdict[tuple[str, date], list[Envelope]] = defaultdict(list)
    for event in events:
        groups[place_of(event)].append(event)
    files = [
        LakeFile(
            type=type_,
            day=day,
            rows=len(members),
            events=[event.to_cloudevent() for event in members],
            collected_at=now,
        )
        for (type_, day), members in sorted(groups.items())
    ]
    LakeFile.objects.bulk_create(files)
    publishing.send_all(
        [
            publishing.Outgoing(body=WriteLakeFile(lake_file=file.id), subject=str(file.id))
            for file in files
        ]
    )
    return [file.id for file in files]


def write_file(*, lake_file: UUID, lake: Lake, now: datetime) -> None:
    """Write a file to the lake, unless that was done, and let go of its events.

    One that has been merged with others since has no row any more, and is left. Safe at any point:
    until the commit it may be written again, to the same name with the same content. Raises
    `OperationalError`, and shows no file, when it was stopped for so long that Postgres has ended
    its transaction: another may have written the file by then, and merged it.
    """
    with transaction.atomic(savepoint=False):
        row = LakeFile.objects.select_for_update().filter(id=lake_file).first()
        if row is None or row.written_at is not None:
            return
        locks.share("files", row.type, row.day)
        content = parquet.encode(row.events or [])
        crashpoints.reach("outside.before")
        path = lake.path(type_=row.type, day=row.day, file=row.id)
        lake.put(path, content, confirm=locks.confirm)
        crashpoints.reach("outside.after")
        row.written_at, row.bytes, row.events = now, len(content), None
        row.save(update_fields=["written_at", "bytes", "events"])
