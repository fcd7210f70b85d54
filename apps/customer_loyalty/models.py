"""Points, ride by ride, and each customer's sum of them."""

from django.db import models

from wildrydes.models import new_id


class PointsEntry(models.Model):
    """The points for one completed ride; a ride has at most one."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    ride_completion = models.UUIDField(unique=True)
    customer = models.CharField(max_length=64)
    points = models.BigIntegerField()
    awarded_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "points entries"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(points__gte=0), name="customer_loyalty_points_not_negative"
            ),
        ]
        indexes = [models.Index(fields=["customer", "id"], name="customer_loyalty_entries")]

    def __str__(self) -> str:
        return f"{self.points} for {self.ride_completion}"


class LoyaltyAccount(models.Model):
    """What a customer has collected: always the sum of the customer's entries."""

    customer = models.CharField(max_length=64, primary_key=True)
    points = models.BigIntegerField()
    updated_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.customer}: {self.points}"
