"""Requests for quotes that are made for prebookings."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("ride_booking", "0003_payments"),
    ]

    operations = [
        migrations.CreateModel(
            name="PrebookedRequest",
            fields=[
                (
                    "rfq",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="prebooked",
                        serialize=False,
                        to="ride_booking.rfq",
                    ),
                ),
                ("prebooking", models.UUIDField(unique=True)),
                (
                    "price_limit",
                    models.DecimalField(blank=True, decimal_places=2, max_digits=12, null=True),
                ),
                ("discount_percent", models.PositiveSmallIntegerField(default=0)),
            ],
        ),
    ]
