"""The kernel as a Django app."""

import importlib

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class WildRydesConfig(AppConfig):
    """Find every service's handlers and register the start-up checks."""

    name = "wildrydes"
    label = "wildrydes"
    verbose_name = "Messaging"

    def ready(self) -> None:
        """Import each installed service's `subscriptions` module, and the checks."""
        autodiscover_modules("subscriptions")
        importlib.import_module("wildrydes.checks")
        importlib.import_module("wildrydes.preflight")
