"""Ride booking as a Django app."""

from django.apps import AppConfig


class RideBookingConfig(AppConfig):
    """Name the service; its handlers are found by the kernel."""

    name = "apps.ride_booking"
    label = "ride_booking"
    verbose_name = "Ride booking"
