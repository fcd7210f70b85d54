"""The probe as a Django app."""

from django.apps import AppConfig


class ProbeConfig(AppConfig):
    """Name the service; its handlers are found by the kernel."""

    name = "tests.faults.probe"
    label = "probe"
    verbose_name = "Probe"
