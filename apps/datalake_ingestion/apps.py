"""Data lake ingestion as a Django app."""

from django.apps import AppConfig


class DatalakeIngestionConfig(AppConfig):
    """Name the service; its handlers are found by the kernel."""

    name = "apps.datalake_ingestion"
    label = "datalake_ingestion"
    verbose_name = "Data lake ingestion"
