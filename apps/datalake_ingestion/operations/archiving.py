"""Archive, then purge: old messages leave the log when the archive is known to have them.

Guarantee: a message goes from the log only after the file that has it was read back, and count and
checksum were those of the log. From the commit of a plan on it stands which messages are in which
file, so each is in one, wherever this is broken off; it is gone on with when it is run again. Until
the file is verified no purge removes what is planned, also one that runs at the same time: no batch
of a purge is under way while a plan is made, and each later batch sees it.
Does not guarantee: that every old message goes: what `purge` keeps stays, and is in the archive
only once all that needs it is done. Receipts go with their messages, and sagas by `purge` alone.
Nor anything about another log than that of the database in which it runs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pyarrow as pa
import structlog
from django.db import transaction
from django.db.models import QuerySet

from apps.datalake_ingestion import archived
from apps.datalake_ingestion.lake import Lake
from apps.datalake_ingestion.models import Archive
from apps.datalake_ingestion.operations.compacting import LakeError
from wildrydes import crashpoints, purging
from wildrydes.models import Message

log = structlog.get_logger(__name__)

BATCH = 10_000


@dataclass(frozen=True)
class Archived:
    """What has been archived, and what of it has gone from the log."""

    files: int = 0
    messages: int = 0
    purged: int = 0


def archive(
    *, older_than: timedelta, lake: Lake, now: datetime, batch_size: int = BATCH
) -> Iterator[Archived]:
    """Finish what was begun, then archive and purge what is older; yield how far it is.

    Must not run inside a transaction. May be broken off, and run again, at any time. Raises
    `ConfigurationError` as `purging.purge` does, and `LakeError` when a file is not what was
    written: then nothing of it has gone.
    """
    done = Archived()
    for row in Archive.objects.exclude(message_ids=[]).order_by("id"):
        purged = _carry_out(row.id, lake=lake, now=now, older_than=older_than)
        done = Archived(done.files, done.messages, done.purged + purged)
        yield done
    for ids in purging.removable(older_than=older_than, batch_size=batch_size):
        planned = _plan(ids, now=now)
        if planned is None:
            continue
        crashpoints.reach("archive.planned")
        purged = _carry_out(planned.id, lake=lake, now=now, older_than=older_than)
        done = Archived(done.files + 1, done.messages + planned.rows, done.purged + purged)
        yield done


def foreseen(*, older_than: timedelta) -> Archived:
    """Return what would be archived now, and change nothing."""
    batches = [_new(ids) for ids in purging.removable(older_than=older_than, batch_size=BATCH)]
    sizes = [len(batch) for batch in batches if batch]
    return Archived(files=len(sizes), messages=sum(sizes))


def _plan(ids: Sequence[UUID], *, now: datetime) -> Archive | None:
    """Decide that these messages are one file, but for those that another has, or that are gone."""
    with transaction.atomic(durable=True):
        purging.pause()
        there = Message.objects.filter(id__in=_new(ids)).order_by("position")
        new = list(there.values_list("id", "published_at"))
        if not new:
            return None
        planned = Archive.objects.create(
            day=new[0][1].astimezone(UTC).date(),
            rows=len(new),
            message_ids=[message_id for message_id, _ in new],
            planned_at=now,
        )
        crashpoints.reach("archive.planning")
        return planned


def _new(ids: Sequence[UUID]) -> list[UUID]:
    planned = Archive.objects.filter(message_ids__overlap=list(ids))
    known = {message_id for row in planned for message_id in row.message_ids}
    return [message_id for message_id in ids if message_id not in known]


def _carry_out(archive_id: UUID, *, lake: Lake, now: datetime, older_than: timedelta) -> int:
    """Write, verify, purge, as far as that was not done; return how many messages have gone."""
    _write(archive_id, lake=lake, now=now)
    crashpoints.reach("archive.verified")
    row = Archive.objects.filter(id=archive_id).first()
    if row is None or not row.message_ids:
        return 0
    gone = purging.purge_these(ids=row.message_ids, older_than=older_than).messages
    crashpoints.reach("archive.purged")
    kept = set(Message.objects.filter(id__in=row.message_ids).values_list("id", flat=True))
    row.message_ids = [message_id for message_id in row.message_ids if message_id in kept]
    row.save(update_fields=["message_ids"])
    return gone


def _write(archive_id: UUID, *, lake: Lake, now: datetime) -> None:
    with transaction.atomic(durable=True):
        row = Archive.objects.select_for_update().filter(id=archive_id).first()
        if row is None or row.verified_at is not None:
            return
        path = lake.archive_path(day=row.day, file=row.id)
        there = list(_messages(row).values_list("id", flat=True))
        if len(there) < row.rows and _has_all(row, path, there, lake=lake):
            _accept(row, lake.get(path), now=now)
        elif _is_to_be_written(row, there):
            lake.put(path, archived.encode(_messages(row).iterator()))
            crashpoints.reach("archive.written")
            _accept(row, _verified(row, path, lake=lake), now=now)


def _has_all(row: Archive, path: str, there: Sequence[UUID], *, lake: Lake) -> bool:
    """Say whether a file that was written earlier has all that was planned, as the log has it.

    It may be the only one to have what is missing from the log, and is not written again.
    """
    try:
        content = lake.get(path)
        count, _ = archived.checksum_of_file(content)
        kept = archived.checksum_of_file(content, only={str(message_id) for message_id in there})
    except (FileNotFoundError, pa.ArrowInvalid):
        return False
    return count == row.rows and kept == archived.checksum_of_messages(_messages(row).iterator())


def _is_to_be_written(row: Archive, there: Sequence[UUID]) -> bool:
    """Plan anew, with what there is, where something has gone unarchived; of nothing is no plan."""
    if len(there) == row.rows:
        return True
    log.warning("archive_planned_anew", archive=str(row.id), planned=row.rows, there=len(there))
    if not there:
        row.delete()
        return False
    row.rows, row.message_ids = len(there), list(there)
    row.save(update_fields=["rows", "message_ids"])
    return True


def _accept(row: Archive, content: bytes, *, now: datetime) -> None:
    _, row.sha256 = archived.checksum_of_file(content)
    row.bytes, row.verified_at = len(content), now
    row.save(update_fields=["sha256", "bytes", "verified_at"])


def _verified(row: Archive, path: str, *, lake: Lake) -> bytes:
    """Read the file back, and the log once more; return the file that says the same."""
    content = lake.get(path)
    count, checksum = archived.checksum_of_file(content)
    logged = archived.checksum_of_messages(_messages(row).iterator())
    if (count, checksum) != logged or count != row.rows:
        raise LakeError(f"{path} does not read back as it was written; nothing was purged")
    return content


def _messages(row: Archive) -> QuerySet[Message]:
    return Message.objects.filter(id__in=row.message_ids).order_by("position")
