"""An empty lake, and events that are in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as project
from django.db import transaction

from apps.datalake_ingestion.lake import open_lake
from apps.datalake_ingestion.models import LakeFile
from apps.datalake_ingestion.operations import collecting
from wildrydes.envelope import Envelope

Ingest = Callable[..., None]


@pytest.fixture
def lake_directory(tmp_path: Path, settings: Any) -> Path:
    """Make an empty directory the lake."""
    settings.LAKE_URL = str(tmp_path / "lake")
    return tmp_path / "lake"


@pytest.fixture
def ingest(db: None) -> Ingest:
    """Return what puts each list of events into the lake, as files of their own."""

    def put(*batches: Sequence[Envelope]) -> None:
        for events in batches:
            with transaction.atomic():
                collecting.collect_events(events=events, now=events[0].time)
        lake = open_lake(project.LAKE_URL)
        for file in LakeFile.objects.filter(written_at=None, merges=0):
            collecting.write_file(lake_file=file.id, lake=lake, now=file.collected_at)

    return put
