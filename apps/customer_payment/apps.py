"""Customer payment as a Django app."""

from django.apps import AppConfig


class CustomerPaymentConfig(AppConfig):
    """Name the service; its handlers are found by the kernel."""

    name = "apps.customer_payment"
    label = "customer_payment"
    verbose_name = "Customer payment"
