"""The service as a Django app. Only the peer makes its tables, by `migrate --run-syncdb`."""

from django.apps import AppConfig


class AskingConfig(AppConfig):
    """Name the service; where the kernel is installed, it finds the responders."""

    name = "bench.asking"
    label = "asking"
    verbose_name = "Benchmark of requests"
