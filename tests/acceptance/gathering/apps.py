"""The one app that asks and answers."""

from django.apps import AppConfig


class GatheringConfig(AppConfig):
    """Under one label, so that all subscriptions are installed wherever it is."""

    name = "tests.acceptance.gathering"
    label = "gathering"
