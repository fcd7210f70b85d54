"""How many messages a second each queue hands out, kept where every relay sees it."""

import django.db.models.functions.datetime
from django.db import migrations, models

# One row for each limited queue, changed with every claim: vacuumed by number of dead rows.
VACUUM_LIKE_QUEUES = """
ALTER TABLE wildrydes_queue_limit SET (autovacuum_vacuum_scale_factor = 0,
    autovacuum_vacuum_threshold = 1000, fillfactor = 50);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("wildrydes", "0011_sagas"),
    ]

    operations = [
        migrations.CreateModel(
            name="QueueLimit",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("queue", models.CharField(max_length=200, unique=True)),
                ("per_second", models.FloatField(blank=True, null=True)),
                ("tokens", models.FloatField(default=0)),
                (
                    "refilled_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now()),
                ),
                ("changed_by", models.CharField(blank=True, default="", max_length=200)),
                ("changed_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "db_table": "wildrydes_queue_limit",
                "permissions": [("limit_queue", "Can change how much queues hand out a second")],
                "default_permissions": ("view",),
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("per_second__gt", 0)),
                        name="wildrydes_queue_limit_rate",
                    )
                ],
            },
        ),
        migrations.RunSQL(
            VACUUM_LIKE_QUEUES,
            "ALTER TABLE wildrydes_queue_limit RESET (autovacuum_vacuum_scale_factor,"
            " autovacuum_vacuum_threshold, fillfactor)",
        ),
    ]
