"""The benchmark's service as a Django app. Without migrations: `migrate --run-syncdb` makes it."""

from django.apps import AppConfig


class BenchServiceConfig(AppConfig):
    """Name the service; where the kernel is installed, it finds the handlers."""

    name = "bench.service"
    label = "bench_service"
    verbose_name = "Benchmark"
