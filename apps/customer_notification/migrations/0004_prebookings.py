"""Customers are told what became of a prebooking."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("customer_notification", "0003_fares"),
    ]

    operations = [
        migrations.AlterField(
            model_name="notification",
            name="kind",
            field=models.CharField(
                choices=[
                    ("ride_completed", "Ride completed"),
                    ("ride_booked", "Ride booked"),
                    ("ride_cancelled", "Ride cancelled"),
                    ("no_quotes", "No quotes"),
                    ("prebooked", "Ride prebooked"),
                    ("prebooking_rejected", "Prebooking rejected"),
                    ("prebooking_cancelled", "Prebooking cancelled"),
                    ("prebooking_unfulfilled", "No unicorn for a prebooking"),
                    ("fare_collected", "Fare collected"),
                    ("fare_failed", "Fare not collected"),
                    ("fare_refunded", "Fare refunded"),
                    ("fare_stuck", "Fare needs a person"),
                ],
                max_length=40,
            ),
        ),
    ]
