"""Customers are told what became of a fare, staff of one that needs them."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("customer_notification", "0002_about_rides_and_requests"),
    ]

    operations = [
        migrations.AlterField(
            model_name="notification",
            name="customer",
            field=models.CharField(blank=True, max_length=64),
        ),
        migrations.AlterField(
            model_name="notification",
            name="kind",
            field=models.CharField(
                choices=[
                    ("ride_completed", "Ride completed"),
                    ("ride_booked", "Ride booked"),
                    ("ride_cancelled", "Ride cancelled"),
                    ("no_quotes", "No quotes"),
                    ("fare_collected", "Fare collected"),
                    ("fare_failed", "Fare not collected"),
                    ("fare_refunded", "Fare refunded"),
                    ("fare_stuck", "Fare needs a person"),
                ],
                max_length=40,
            ),
        ),
    ]
