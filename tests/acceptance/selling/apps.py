"""The one app that sells, and takes part."""

from django.apps import AppConfig


class SellingConfig(AppConfig):
    """Under one label, so that all subscriptions are installed wherever it is."""

    name = "tests.acceptance.selling"
    label = "selling"
