"""Prebookings and campaigns. One customer's prebookings are kept apart with `btree_gist`."""

import django.contrib.postgres.constraints
import django.contrib.postgres.operations
import django.core.validators
from django.db import migrations, models

import apps.ride_prebooking.models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        django.contrib.postgres.operations.BtreeGistExtension(),
        migrations.CreateModel(
            name="Campaign",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "code",
                    models.CharField(
                        max_length=40,
                        unique=True,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^[A-Za-z0-9][A-Za-z0-9_-]*\\Z", "Letters, digits, - and _."
                            )
                        ],
                    ),
                ),
                ("name", models.CharField(max_length=200)),
                ("starts_at", models.DateTimeField()),
                ("ends_at", models.DateTimeField()),
                ("capacity", models.PositiveIntegerField()),
                ("taken", models.PositiveIntegerField(default=0, editable=False)),
                (
                    "discount_percent",
                    models.PositiveSmallIntegerField(
                        default=0, validators=[django.core.validators.MaxValueValidator(100)]
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("taken__gte", 0), ("capacity__gte", models.F("taken"))),
                        name="ride_prebooking_no_more_than_capacity",
                        violation_error_message="More places than that are taken.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("ends_at__gt", models.F("starts_at"))),
                        name="ride_prebooking_campaign_has_a_time",
                        violation_error_message="A campaign ends after it has begun.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("discount_percent__gte", 0), ("discount_percent__lte", 100)
                        ),
                        name="ride_prebooking_discount_is_a_share",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Prebooking",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        editable=False,
                        primary_key=True,
                        serialize=False,
                        verbose_name="prebooking id",
                    ),
                ),
                ("customer", models.CharField(max_length=64)),
                ("origin", models.CharField(max_length=200, verbose_name="from")),
                ("destination", models.CharField(max_length=200, verbose_name="to")),
                ("ride_at", models.DateTimeField(verbose_name="when")),
                ("busy_until", models.DateTimeField()),
                ("campaign", models.CharField(blank=True, max_length=200)),
                (
                    "price_limit",
                    models.DecimalField(blank=True, decimal_places=2, max_digits=12, null=True),
                ),
                ("discount_percent", models.PositiveSmallIntegerField(default=0)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("accepted", "Accepted"),
                            ("confirmed", "Confirmed"),
                            ("rejected", "Rejected"),
                            ("cancelled", "Cancelled"),
                            ("due", "Due"),
                            ("dispatched", "Dispatched"),
                            ("unfulfilled", "Unfulfilled"),
                        ],
                        max_length=12,
                    ),
                ),
                (
                    "reason",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("in-the-past", "in-the-past"),
                            ("too-far-ahead", "too-far-ahead"),
                            ("overlap", "overlap"),
                            ("unknown-campaign", "unknown-campaign"),
                            ("campaign-not-begun", "campaign-not-begun"),
                            ("campaign-ended", "campaign-ended"),
                            ("campaign-full", "campaign-full"),
                            ("no-unicorn", "no-unicorn"),
                        ],
                        max_length=30,
                    ),
                ),
                ("accepted_at", models.DateTimeField()),
                ("decided_at", models.DateTimeField(blank=True, null=True)),
                ("due_at", models.DateTimeField(blank=True, null=True)),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                ("rfq", models.UUIDField(blank=True, null=True, verbose_name="RFQ id")),
                ("ride", models.UUIDField(blank=True, null=True, verbose_name="ride id")),
            ],
            options={
                "indexes": [
                    models.Index(fields=["customer", "id"], name="ride_prebooking_of_customer"),
                    models.Index(
                        condition=models.Q(("campaign", ""), _negated=True),
                        fields=["campaign", "id"],
                        name="ride_prebooking_of_campaign",
                    ),
                ],
                "constraints": [
                    django.contrib.postgres.constraints.ExclusionConstraint(
                        expressions=[
                            (models.F("customer"), "="),
                            (
                                apps.ride_prebooking.models.Busy(
                                    models.F("ride_at"), models.F("busy_until")
                                ),
                                "&&",
                            ),
                        ],
                        name="ride_prebooking_one_ride_at_a_time",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("status__in", ("rejected", "unfulfilled")),
                                models.Q(("reason", ""), _negated=True),
                            ),
                            models.Q(
                                models.Q(
                                    ("status__in", ("rejected", "unfulfilled")), _negated=True
                                ),
                                ("reason", ""),
                            ),
                            _connector="OR",
                        ),
                        name="ride_prebooking_reason_of_the_refused",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("busy_until", models.F("ride_at")),
                                ("status__in", ("rejected", "unfulfilled", "cancelled")),
                            ),
                            models.Q(
                                models.Q(
                                    ("status__in", ("rejected", "unfulfilled", "cancelled")),
                                    _negated=True,
                                ),
                                ("busy_until__gt", models.F("ride_at")),
                            ),
                            _connector="OR",
                        ),
                        name="ride_prebooking_keeps_out_while_it_stands",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("ride__isnull", False), ("status", "dispatched")),
                            models.Q(
                                models.Q(("status", "dispatched"), _negated=True),
                                ("ride__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="ride_prebooking_ride_of_the_dispatched",
                    ),
                ],
            },
        ),
    ]
