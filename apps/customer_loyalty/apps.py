"""Customer loyalty as a Django app."""

from django.apps import AppConfig


class CustomerLoyaltyConfig(AppConfig):
    """Name the service; its handlers are found by the kernel."""

    name = "apps.customer_loyalty"
    label = "customer_loyalty"
    verbose_name = "Customer loyalty"
