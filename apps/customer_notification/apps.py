"""Customer notification as a Django app."""

from django.apps import AppConfig


class CustomerNotificationConfig(AppConfig):
    """Name the service; its handlers are found by the kernel."""

    name = "apps.customer_notification"
    label = "customer_notification"
    verbose_name = "Customer notification"
