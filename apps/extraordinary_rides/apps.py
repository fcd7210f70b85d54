"""Extraordinary rides as a Django app."""

from django.apps import AppConfig


class ExtraordinaryRidesConfig(AppConfig):
    """Name the service; its handlers are found by the kernel."""

    name = "apps.extraordinary_rides"
    label = "extraordinary_rides"
    verbose_name = "Extraordinary rides"
