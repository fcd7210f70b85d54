"""The app that holds the commands which run the whole platform."""

from django.apps import AppConfig


class Config(AppConfig):
    """The installation as a Django app."""

    name = "config"
    label = "config"
    verbose_name = "Wild Rydes"
