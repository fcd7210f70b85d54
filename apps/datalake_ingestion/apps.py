"""Data lake ingestion as a Django app."""

from django.apps import AppConfig

from wildrydes import purging

UNVERIFIED = "SELECT unnest(message_ids) FROM datalake_ingestion_archive WHERE verified_at IS NULL"


class DatalakeIngestionConfig(AppConfig):
    """Name the service; its handlers are found by the kernel."""

    name = "apps.datalake_ingestion"
    label = "datalake_ingestion"
    verbose_name = "Data lake ingestion"

    def ready(self) -> None:
        """Let no purge remove what is to be archived before the archive is known to have it."""
        purging.keep(ids=UNVERIFIED)
