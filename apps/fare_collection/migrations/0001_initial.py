"""Collections of fares, and refunds."""

import django.db.models.deletion
import django.db.models.expressions
from django.db import migrations, models

import wildrydes.models.ids


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="FareCollection",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        editable=False,
                        primary_key=True,
                        serialize=False,
                        verbose_name="collection id",
                    ),
                ),
                ("ride_completion", models.UUIDField(unique=True)),
                (
                    "ride",
                    models.CharField(
                        blank=True, max_length=200, null=True, verbose_name="booked ride"
                    ),
                ),
                ("customer", models.CharField(max_length=64)),
                ("origin", models.CharField(max_length=200, verbose_name="from")),
                ("destination", models.CharField(max_length=200, verbose_name="to")),
                ("amount", models.DecimalField(decimal_places=2, max_digits=12)),
                ("in_refund", models.DecimalField(decimal_places=2, default=0, max_digits=12)),
                ("refunded", models.DecimalField(decimal_places=2, default=0, max_digits=12)),
                ("currency", models.CharField(max_length=3)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("collecting", "Collecting"),
                            ("collected", "Collected"),
                            ("failed", "Failed"),
                            ("refunding", "Refunding"),
                            ("refunded", "Refunded"),
                        ],
                        max_length=10,
                    ),
                ),
                ("card", models.CharField(blank=True, max_length=20)),
                ("failed_step", models.CharField(blank=True, max_length=100)),
                ("reason", models.TextField(blank=True)),
                ("begun_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "permissions": [("refund_farecollection", "Can give a collected fare back")],
                "indexes": [
                    models.Index(fields=["customer", "id"], name="fare_collection_of_customer"),
                    models.Index(fields=["status", "id"], name="fare_collection_by_status"),
                    models.Index(
                        condition=models.Q(("ride__isnull", False)),
                        fields=["ride"],
                        name="fare_collection_of_ride",
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("in_refund__gte", 0),
                            ("refunded__gte", 0),
                            (
                                "amount__gte",
                                django.db.models.expressions.CombinedExpression(
                                    models.F("refunded"), "+", models.F("in_refund")
                                ),
                            ),
                        ),
                        name="fare_collection_no_more_than_the_fare",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("status__in", ["collected", "refunding", "refunded"]),
                            models.Q(("in_refund", 0), ("refunded", 0)),
                            _connector="OR",
                        ),
                        name="fare_collection_of_the_collected_only",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="FareRefund",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=wildrydes.models.ids.new_id,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                        verbose_name="refund id",
                    ),
                ),
                ("saga", models.UUIDField(null=True)),
                ("amount", models.DecimalField(decimal_places=2, max_digits=12)),
                ("why", models.CharField(max_length=200, verbose_name="reason")),
                ("requested_by", models.CharField(max_length=200)),
                ("requested_at", models.DateTimeField()),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("refunding", "Refunding"),
                            ("refunded", "Refunded"),
                            ("failed", "Failed"),
                        ],
                        max_length=10,
                    ),
                ),
                ("failed_step", models.CharField(blank=True, max_length=100)),
                ("reason", models.TextField(blank=True, verbose_name="why it failed")),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                (
                    "collection",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="refunds",
                        to="fare_collection.farecollection",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("amount__gt", 0)),
                        name="fare_collection_refund_above_zero",
                    )
                ],
            },
        ),
    ]
