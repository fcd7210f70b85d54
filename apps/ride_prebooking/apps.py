"""Ride prebooking as a Django app."""

from django.apps import AppConfig


class RidePrebookingConfig(AppConfig):
    """Name the service; its handlers are found by the kernel."""

    name = "apps.ride_prebooking"
    label = "ride_prebooking"
    verbose_name = "Ride prebooking"
