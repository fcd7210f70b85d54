"""Customer payment as a Django app."""

from django.apps import AppConfig
from django.core import checks

from apps.customer_payment.checks import check_provider


class CustomerPaymentConfig(AppConfig):
    """Name the service; its handlers are found by the kernel."""

    name = "apps.customer_payment"
    label = "customer_payment"
    verbose_name = "Customer payment"

    def ready(self) -> None:
        """Have deployments checked."""
        checks.register(check_provider, "customer_payment", deploy=True)
