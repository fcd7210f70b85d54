"""Which messages go to the lake: every event that a topic carries."""

from __future__ import annotations

from collections.abc import Sequence

from django.conf import settings
from django.utils import timezone

from apps.datalake_ingestion import operations
from apps.datalake_ingestion.lake import open_lake
from apps.datalake_ingestion.messages import WriteLakeFile
from wildrydes.envelope import Envelope
from wildrydes.subscriptions import subscribe, subscribe_batch


@subscribe_batch("datalake_ingestion.collect_events")
def collect_events(envelopes: Sequence[Envelope]) -> None:
    """Gather events of any type into files-to-be."""
    operations.collect_events(events=envelopes, now=timezone.now())


@subscribe_batch("datalake_ingestion.collect_prebookings")
def collect_prebookings(envelopes: Sequence[Envelope]) -> None:
    """Gather what is told of prebookings; a burst of them has a buffer of its own."""
    operations.collect_events(events=envelopes, now=timezone.now())


@subscribe("datalake_ingestion.write_file", outside_effects=True, replayable=True)
def write_file(envelope: Envelope) -> None:
    """Write one file to the lake."""
    command = WriteLakeFile.from_data(envelope.data)
    operations.write_file(
        lake_file=command.lake_file, lake=open_lake(settings.LAKE_URL), now=timezone.now()
    )
