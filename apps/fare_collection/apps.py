"""Fare collection as a Django app."""

from django.apps import AppConfig


class FareCollectionConfig(AppConfig):
    """Name the service; its handlers are found by the kernel."""

    name = "apps.fare_collection"
    label = "fare_collection"
    verbose_name = "Fare collection"
