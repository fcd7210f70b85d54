"""Which messages go to the lake (every event that a topic carries), and what keeps it in order."""

from __future__ import annotations

from collections.abc import Sequence

from django.conf import settings
from django.utils import timezone

from apps.datalake_ingestion.lake import open_lake
from apps.datalake_ingestion.messages import (
    ClearLakeFile,
    MergeLakeFile,
    WriteLakeFile,
)
from apps.datalake_ingestion.operations import collecting, compacting
from wildrydes import publishing
from wildrydes.envelope import Envelope
from wildrydes.subscriptions import subscribe, subscribe_batch


@subscribe_batch("datalake_ingestion.collect_events")
def collect_events(envelopes: Sequence[Envelope]) -> None:
    """Gather events of any type into files-to-be."""
    collecting.collect_events(events=envelopes, now=timezone.now())


@subscribe_batch("datalake_ingestion.collect_prebookings")
def collect_prebookings(envelopes: Sequence[Envelope]) -> None:
    """Gather what is told of prebookings; a burst of them has a buffer of its own."""
    collecting.collect_events(events=envelopes, now=timezone.now())


@subscribe("datalake_ingestion.write_file", outside_effects=True, replayable=True)
def write_file(envelope: Envelope) -> None:
    """Write one file to the lake."""
    command = WriteLakeFile.from_data(envelope.data)
    collecting.write_file(
        lake_file=command.lake_file, lake=open_lake(settings.LAKE_URL), now=timezone.now()
    )


@subscribe("datalake_ingestion.compact")
def compact(envelope: Envelope) -> None:
    """Plan which small files become one."""
    compacting.plan_all(now=timezone.now())


@subscribe("datalake_ingestion.merge_file", outside_effects=True, replayable=True)
def merge_file(envelope: Envelope) -> None:
    """Put a planned file in the place of its sources; they are cleared away after the commit."""
    command = MergeLakeFile.from_data(envelope.data)
    compacting.merge(
        lake_file=command.lake_file, lake=open_lake(settings.LAKE_URL), now=timezone.now()
    )
    clear = ClearLakeFile(lake_file=command.lake_file)
    publishing.send(clear, subject=str(clear.lake_file))


@subscribe("datalake_ingestion.clear_file", outside_effects=True, replayable=True)
def clear_file(envelope: Envelope) -> None:
    """Remove the files whose place a merged file has taken."""
    command = ClearLakeFile.from_data(envelope.data)
    compacting.clear(lake_file=command.lake_file, lake=open_lake(settings.LAKE_URL))
