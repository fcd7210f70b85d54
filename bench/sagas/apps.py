"""The service as a Django app. Without migrations: `migrate --run-syncdb` makes its tables."""

from django.apps import AppConfig


class SagasConfig(AppConfig):
    """Name the service; where the kernel is installed, it finds the participants."""

    name = "bench.sagas"
    label = "sagas"
    verbose_name = "Benchmark of sagas"
