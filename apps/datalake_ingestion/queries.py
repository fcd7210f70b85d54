"""What the lake is asked."""

from __future__ import annotations

from collections import Counter
from typing import Any

from django.db.models import Count, Max, Min, Q, QuerySet, Sum

from apps.datalake_ingestion.lake import Lake, open_lake
from apps.datalake_ingestion.models import LakeFile

LakeFiles = QuerySet[LakeFile]


def read_lake(url: str) -> list[dict[str, Any]]:
    """Return every event in the lake as a row. For tests and small lakes: all goes into memory."""
    rows: list[dict[str, Any]] = open_lake(url).read().to_pylist()
    return rows


def count_lake(url: str) -> Counter[str]:
    """Return how many rows the lake has of each type."""
    return Counter(row["type"] for row in read_lake(url))


def live_files() -> LakeFiles:
    """Return the files that hold each written event once, whatever compaction is at.

    Evaluate it in one statement: a file counts until the one that takes its place is written.
    """
    not_replaced = Q(merged_into=None) | Q(merged_into__written_at=None)
    return LakeFile.objects.filter(not_replaced, written_at__isnull=False)


def unwritten_files() -> LakeFiles:
    """Return the files that are not in the lake yet; they hold their events themselves."""
    return LakeFile.objects.filter(written_at=None, merges=0)


def whereabouts(row: LakeFile, *, lake: Lake) -> str:
    """Return where a file is at this moment, also where a merge of it was broken off."""
    path = lake.path(type_=row.type, day=row.day, file=row.id)
    return path if row.merged_into_id is None else lake.whereabouts(path, of=row.merged_into_id)


def stats() -> list[dict[str, Any]]:
    """Return what the lake has of each type: by its table, without reading a file."""
    of_type = live_files().values("type").order_by("type")
    found = of_type.annotate(
        files=Count("id"),
        events=Sum("rows"),
        total_bytes=Sum("bytes"),
        days=Count("day", distinct=True),
        first_day=Min("day"),
        last_day=Max("day"),
    )
    return [dict(row) for row in found]


def on_their_way() -> dict[str, Any]:
    """Return how many events, of how many files-to-be, are not in the lake yet, and since when."""
    return unwritten_files().aggregate(
        files=Count("id"), events=Sum("rows", default=0), oldest=Min("collected_at")
    )
