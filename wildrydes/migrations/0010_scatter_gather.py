"""What many were asked, and what each of them said; a receipt keeps the answer that was given."""

import django.contrib.postgres.fields
import django.contrib.postgres.functions
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("wildrydes", "0005_publishing_and_watching"),
    ]

    operations = [
        migrations.AddField(
            model_name="receipt",
            name="answer",
            field=models.JSONField(blank=True, null=True),
        ),
        migrations.CreateModel(
            name="Scatter",
            fields=[
                ("id", models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ("gathering", models.CharField(max_length=200)),
                (
                    "asked",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=200), default=list, size=None
                    ),
                ),
                (
                    "rule",
                    models.CharField(
                        choices=[
                            ("all", "all have responded"),
                            ("quorum", "so many have responded"),
                            ("first", "so many have answered"),
                            ("deadline", "the deadline only"),
                        ],
                        default="all",
                        max_length=10,
                    ),
                ),
                ("wanted", models.PositiveIntegerField(default=0)),
                (
                    "opened_at",
                    models.DateTimeField(
                        db_default=django.contrib.postgres.functions.TransactionNow()
                    ),
                ),
                ("deadline_at", models.DateTimeField()),
                (
                    "status",
                    models.CharField(
                        choices=[("open", "Open"), ("closed", "Closed")],
                        default="open",
                        max_length=10,
                    ),
                ),
                ("closed_at", models.DateTimeField(blank=True, null=True)),
                ("closed_because", models.CharField(blank=True, default="", max_length=40)),
                ("error", models.TextField(blank=True, default="")),
            ],
            options={
                "default_permissions": ("view",),
                "indexes": [
                    models.Index(
                        condition=models.Q(("status", "open")),
                        fields=["deadline_at"],
                        name="wildrydes_scatter_open",
                    ),
                    models.Index(
                        condition=models.Q(("error", ""), _negated=True),
                        fields=["gathering"],
                        name="wildrydes_scatter_failed",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Response",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("responder", models.CharField(max_length=200)),
                (
                    "outcome",
                    models.CharField(
                        choices=[
                            ("answered", "answered"),
                            ("declined", "declined"),
                            ("failed", "failed"),
                            ("timed_out", "timed out"),
                        ],
                        max_length=10,
                    ),
                ),
                ("late", models.BooleanField(default=False)),
                ("data", models.JSONField(default=dict)),
                ("reason", models.TextField(blank=True, default="")),
                (
                    "received_at",
                    models.DateTimeField(
                        db_default=django.contrib.postgres.functions.TransactionNow()
                    ),
                ),
                (
                    "scatter",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="responses",
                        to="wildrydes.scatter",
                    ),
                ),
            ],
            options={
                "default_permissions": ("view",),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("scatter", "responder"), name="wildrydes_response_once"
                    )
                ],
            },
        ),
    ]
