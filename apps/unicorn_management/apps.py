"""Unicorn management as a Django app."""

from django.apps import AppConfig


class UnicornManagementConfig(AppConfig):
    """Name the service."""

    name = "apps.unicorn_management"
    label = "unicorn_management"
    verbose_name = "Unicorn management"
