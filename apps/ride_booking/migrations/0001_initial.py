"""Requests for quotes, rides, their timelines and receipts."""

import django.db.models.deletion
from django.db import migrations, models

import wildrydes.models.ids


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Rfq",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        editable=False, primary_key=True, serialize=False, verbose_name="RFQ id"
                    ),
                ),
                ("origin", models.CharField(max_length=200, verbose_name="from")),
                ("destination", models.CharField(max_length=200, verbose_name="to")),
                ("customer", models.CharField(max_length=64)),
                ("requested_by_id", models.BigIntegerField(verbose_name="requested by user")),
                ("requested_at", models.DateTimeField()),
            ],
            options={
                "verbose_name": "request for quotes",
                "verbose_name_plural": "requests for quotes",
                "indexes": [
                    models.Index(fields=["customer", "id"], name="ride_booking_rfqs_of_customer")
                ],
            },
        ),
        migrations.CreateModel(
            name="Ride",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=wildrydes.models.ids.new_id,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                        verbose_name="ride id",
                    ),
                ),
                ("rfq", models.UUIDField(verbose_name="RFQ id")),
                ("customer", models.CharField(max_length=64)),
                ("fleet", models.CharField(max_length=64)),
                ("unicorn", models.CharField(blank=True, max_length=64)),
                ("origin", models.CharField(max_length=200, verbose_name="from")),
                ("destination", models.CharField(max_length=200, verbose_name="to")),
                ("price", models.DecimalField(decimal_places=2, max_digits=12)),
                ("currency", models.CharField(max_length=3)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("booked", "Booked"),
                            ("started", "Started"),
                            ("completed", "Completed"),
                            ("cancelled", "Cancelled"),
                        ],
                        max_length=10,
                    ),
                ),
                ("booked_at", models.DateTimeField()),
                ("ride_completion", models.UUIDField(blank=True, null=True)),
                (
                    "cancellation_fee",
                    models.DecimalField(blank=True, decimal_places=2, max_digits=12, null=True),
                ),
                ("message_id", models.UUIDField()),
            ],
            options={
                "indexes": [
                    models.Index(fields=["customer", "id"], name="ride_booking_rides_of_customer"),
                    models.Index(fields=["fleet", "id"], name="ride_booking_rides_of_fleet"),
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("rfq",), name="ride_booking_one_ride_per_rfq"),
                    models.UniqueConstraint(
                        condition=models.Q(
                            ("state__in", ["booked", "started"]),
                            models.Q(("unicorn", ""), _negated=True),
                        ),
                        fields=("fleet", "unicorn"),
                        name="ride_booking_one_ride_per_unicorn",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("price__gt", 0)),
                        name="ride_booking_price_is_above_zero",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("cancellation_fee__gte", 0),
                                ("cancellation_fee__isnull", False),
                                ("state", "cancelled"),
                            ),
                            models.Q(
                                models.Q(("state", "cancelled"), _negated=True),
                                ("cancellation_fee__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="ride_booking_fee_of_the_cancelled",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("ride_completion__isnull", False), ("state", "completed")),
                            models.Q(
                                models.Q(("state", "completed"), _negated=True),
                                ("ride_completion__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="ride_booking_completion_of_the_completed",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Charge",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("fare", "Fare"),
                            ("cancellation_fee", "Cancellation fee"),
                            ("charge", "Later charge"),
                            ("refund", "Refund"),
                        ],
                        max_length=20,
                    ),
                ),
                ("amount", models.DecimalField(decimal_places=2, max_digits=12)),
                ("currency", models.CharField(max_length=3)),
                ("at", models.DateTimeField()),
                ("note", models.CharField(blank=True, max_length=200)),
                (
                    "ride",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="charges",
                        to="ride_booking.ride",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("kind__in", ["fare", "cancellation_fee"])),
                        fields=("ride", "kind"),
                        name="ride_booking_fare_and_fee_once",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="RideEvent",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("requested", "Requested"),
                            ("quoted", "Quoted"),
                            ("booked", "Booked"),
                            ("started", "Started"),
                            ("completed", "Completed"),
                            ("cancelled", "Cancelled"),
                        ],
                        max_length=10,
                    ),
                ),
                ("at", models.DateTimeField()),
                ("by", models.CharField(blank=True, max_length=64)),
                ("note", models.CharField(blank=True, max_length=200)),
                (
                    "ride",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="timeline",
                        to="ride_booking.ride",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("ride", "kind"), name="ride_booking_each_event_once"
                    )
                ],
            },
        ),
    ]
