"""Identity as a Django app."""

import importlib

from django.apps import AppConfig


class IdentityConfig(AppConfig):
    """Name the service, and tell OpenAPI how its callers authenticate."""

    name = "apps.identity"
    label = "identity"
    verbose_name = "Identity"

    def ready(self) -> None:
        """Register the token scheme with the schema generator."""
        importlib.import_module("apps.identity.openapi")
