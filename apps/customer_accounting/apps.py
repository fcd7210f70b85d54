"""Customer accounting as a Django app."""

from django.apps import AppConfig


class CustomerAccountingConfig(AppConfig):
    """Name the service; its handlers are found by the kernel."""

    name = "apps.customer_accounting"
    label = "customer_accounting"
    verbose_name = "Customer accounting"
