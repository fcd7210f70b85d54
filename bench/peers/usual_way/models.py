"""A ride, and a table for each thing that follows from it."""

from django.db import models


class Ride(models.Model):
    """A completed ride."""

    ride = models.CharField(max_length=64)
    origin = models.CharField(max_length=200)
    destination = models.CharField(max_length=200)
    duration = models.FloatField()
    distance = models.FloatField()
    customer = models.CharField(max_length=64)
    fare = models.DecimalField(max_digits=12, decimal_places=2)

    class Meta:
        app_label = "usual_way"


class Effect(models.Model):
    """What every task leaves: a row that says for which ride."""

    ride = models.ForeignKey(Ride, on_delete=models.CASCADE)

    class Meta:
        abstract = True
        app_label = "usual_way"


class Notification(Effect):
    """What the customer was told."""

    text = models.TextField()


class LedgerEntry(Effect):
    """What the customer owes."""

    amount = models.DecimalField(max_digits=12, decimal_places=2)


class PointsEntry(Effect):
    """What the customer has earned."""

    points = models.IntegerField()


class LakeRow(Effect):
    """What analysts will see."""

    data = models.JSONField()


class ExtraordinaryRide(Effect):
    """A long and costly ride."""


class Campaign(models.Model):
    """Places at a discount."""

    code = models.CharField(max_length=40, unique=True)
    capacity = models.PositiveIntegerField()
    taken = models.PositiveIntegerField(default=0)

    class Meta:
        app_label = "usual_way"


class Prebooking(models.Model):
    """A ride that was booked ahead."""

    origin = models.CharField(max_length=200)
    destination = models.CharField(max_length=200)
    ride_at = models.DateTimeField()
    customer = models.CharField(max_length=64)
    campaign = models.ForeignKey(Campaign, null=True, on_delete=models.CASCADE)
    status = models.CharField(max_length=20)

    class Meta:
        app_label = "usual_way"
        indexes = [models.Index(fields=["customer", "ride_at"], name="usual_way_prebooking_time")]


class PrebookingNotice(models.Model):
    """What the customer was told."""

    prebooking = models.ForeignKey(Prebooking, on_delete=models.CASCADE)
    text = models.TextField()

    class Meta:
        app_label = "usual_way"


class PrebookingLakeRow(models.Model):
    """What analysts will see."""

    prebooking = models.ForeignKey(Prebooking, on_delete=models.CASCADE)
    data = models.JSONField()

    class Meta:
        app_label = "usual_way"
