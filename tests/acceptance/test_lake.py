"""The lake with real processes: compaction that is killed, and readers that look meanwhile."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from config.env import PROJECT_ROOT
from wildrydes.crashpoints import EXIT_STATUS

from .stage import Servers, Stage

COMPACT = [sys.executable, "manage.py", "lake", "compact"]
ONCE = "SELECT count(*), count(DISTINCT id) FROM "
FILL = """
from datetime import UTC, datetime, timedelta
from django.conf import settings
from apps.datalake_ingestion.lake import open_lake
from apps.datalake_ingestion.models import LakeFile
from apps.datalake_ingestion.operations import collecting
from django.db import transaction
from wildrydes.envelope import Envelope
from wildrydes.models import new_id
start = datetime(2026, 3, 1, tzinfo=UTC)
for number in range({files}):
    for day in range({days}):
        time = start + timedelta(days=day)
        event = Envelope(id=new_id(), type="v1.ride.completed", kind="event", source="x",
            subject="", time=time, data={{"fare": 12.5}})
        with transaction.atomic():
            collecting.collect_events(events=[event], now=time)
for row in LakeFile.objects.filter(written_at=None, merges=0):
    collecting.write_file(lake_file=row.id, lake=open_lake(settings.LAKE_URL), now=start)
"""


pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def stage(servers: Servers) -> Stage:
    stage = servers.stage()
    stage.manage("migrate", "--verbosity", "0")
    return stage


def fill(stage: Stage, *, files: int, days: int) -> None:
    """Put so many files of one event into the lake, for each of so many days."""
    stage.manage("shell", "--verbosity", "0", "-c", FILL.format(files=files, days=days))


def pattern(stage: Stage) -> str:
    return str(Path(stage.directory) / "lake" / "type=*" / "day=*" / "*.parquet")


def globbed(stage: Stage) -> tuple[int, int]:
    """Return how many rows, and how many events, a reader of the bare pattern sees."""
    (row,) = duckdb.connect().execute(f"{ONCE} read_parquet(?)", [pattern(stage)]).fetchall()
    return row


def asked(stage: Stage) -> tuple[int, int]:
    """Return how many rows, and how many events, `lake query` sees."""
    (row,) = json.loads(stage.manage("lake", "query", f"{ONCE} events", "--format", "json"))
    first, second = row.values()
    return first, second


def test_a_compaction_that_is_killed_anywhere_is_seen_by_nobody_and_is_gone_on_with(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(stage, files=4, days=2)
    for point in ("planned", "merging", "built", "merged", "clearing", "cleared"):
        monkeypatch.setenv("WILDRYDES_CRASH_AT", f"lake.{point}")
        ended = subprocess.run(COMPACT, cwd=PROJECT_ROOT, env=stage.environment)
        monkeypatch.delenv("WILDRYDES_CRASH_AT")

        assert ended.returncode == EXIT_STATUS, point
        assert globbed(stage) == asked(stage) == (8, 8), point
    stage.manage("lake", "compact")
    assert globbed(stage) == asked(stage) == (8, 8)
    assert stage.count("datalake_ingestion_lakefile") == 2


def test_whoever_looks_while_files_are_put_together_sees_each_event_once(stage: Stage) -> None:
    fill(stage, files=4, days=60)
    _, events = globbed(stage)
    looks = 0
    with subprocess.Popen(COMPACT, cwd=PROJECT_ROOT, env=stage.environment) as compaction:
        while compaction.poll() is None:
            try:
                seen = globbed(stage)
            except duckdb.IOException:  # a file that was listed has gone since: look again
                continue
            assert seen == (events, events)
            looks += 1

    assert compaction.returncode == 0
    assert looks
    assert events >= 240
    assert stage.count("datalake_ingestion_lakefile") == 60
