"""What was published already, awaits an answer, or was last heard of; and finding history by its time."""

import django.contrib.postgres.functions
import django.contrib.postgres.indexes
from django.db import migrations, models

# Purged all the time: vacuumed by number of dead rows.
VACUUM_LIKE_QUEUES = """
ALTER TABLE wildrydes_deduplication SET (autovacuum_vacuum_scale_factor = 0,
    autovacuum_vacuum_threshold = 5000);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("wildrydes", "0004_dead_letters"),
    ]

    operations = [
        migrations.CreateModel(
            name="Consumer",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("subscription", models.CharField(max_length=200)),
                ("queue", models.CharField(max_length=200)),
                ("worker", models.CharField(max_length=200)),
                (
                    "first_seen",
                    models.DateTimeField(
                        db_default=django.contrib.postgres.functions.TransactionNow()
                    ),
                ),
                (
                    "last_seen",
                    models.DateTimeField(
                        db_default=django.contrib.postgres.functions.TransactionNow()
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Deduplication",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "type",
                        "deduplication_id",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("type", models.CharField(max_length=200)),
                ("deduplication_id", models.CharField(max_length=200)),
                ("message_id", models.UUIDField()),
                ("expires_at", models.DateTimeField()),
            ],
            options={
                "verbose_name": "deduplication id",
            },
        ),
        migrations.CreateModel(
            name="Request",
            fields=[
                ("id", models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ("type", models.CharField(max_length=200)),
                ("reply_to", models.CharField(max_length=200)),
                ("correlation_id", models.CharField(max_length=200)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("open", "Open"),
                            ("answered", "Answered"),
                            ("timed_out", "Timed Out"),
                        ],
                        default="open",
                        max_length=10,
                    ),
                ),
                (
                    "requested_at",
                    models.DateTimeField(
                        db_default=django.contrib.postgres.functions.TransactionNow()
                    ),
                ),
                ("deadline", models.DateTimeField()),
                ("timed_out_at", models.DateTimeField(blank=True, null=True)),
                ("answered_at", models.DateTimeField(blank=True, null=True)),
                ("late", models.BooleanField(default=False)),
                ("reply_type", models.CharField(blank=True, default="", max_length=200)),
                ("reply", models.JSONField(blank=True, null=True)),
                ("on_timeout", models.JSONField(blank=True, null=True)),
            ],
        ),
        migrations.AddIndex(
            model_name="message",
            index=django.contrib.postgres.indexes.BrinIndex(
                fields=["published_at"], name="wildrydes_message_time"
            ),
        ),
        migrations.AddConstraint(
            model_name="consumer",
            constraint=models.UniqueConstraint(
                fields=("subscription", "worker"), name="wildrydes_consumer_once"
            ),
        ),
        migrations.AddIndex(
            model_name="deduplication",
            index=models.Index(fields=["expires_at"], name="wildrydes_deduplication_old"),
        ),
        migrations.AddIndex(
            model_name="request",
            index=models.Index(
                condition=models.Q(("status", "open")),
                fields=["deadline"],
                name="wildrydes_request_open",
            ),
        ),
        migrations.AddIndex(
            model_name="request",
            index=models.Index(fields=["correlation_id"], name="wildrydes_request_correlation"),
        ),
        migrations.RunSQL(
            VACUUM_LIKE_QUEUES,
            "ALTER TABLE wildrydes_deduplication RESET (autovacuum_vacuum_scale_factor)",
        ),
    ]
