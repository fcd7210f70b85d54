"""The rides that the filter let through."""

from django.db import models


class ExtraordinaryRide(models.Model):
    """A completed ride that was long and costly enough. The ride completion is its key."""

    ride_completion = models.UUIDField(primary_key=True)
    customer = models.CharField(max_length=64)
    origin = models.CharField(max_length=200)
    destination = models.CharField(max_length=200)
    duration_seconds = models.FloatField()
    distance_km = models.FloatField()
    fare = models.DecimalField(max_digits=14, decimal_places=2)
    currency = models.CharField(max_length=3)
    fleet = models.CharField(max_length=200, blank=True)
    completed_at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index("fare", "ride_completion", name="extraordinary_rides_by_fare"),
            models.Index("distance_km", "ride_completion", name="extraordinary_rides_by_dist"),
        ]

    def __str__(self) -> str:
        return f"{self.origin} to {self.destination}"
