"""Sagas and their histories, which only grow: an entry is never changed, and goes by retention only."""

import django.contrib.postgres.functions
import django.db.models.deletion
from django.db import migrations, models

HISTORY_ONLY_GROWS = """
CREATE FUNCTION wildrydes_keep_saga_history() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND current_setting('wildrydes.purging', true) = 'on' THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION 'the history of sagas is append-only' USING ERRCODE = 'restrict_violation';
END $$;

CREATE TRIGGER wildrydes_keep_saga_history
BEFORE UPDATE OR DELETE ON wildrydes_sagaevent
FOR EACH STATEMENT EXECUTE FUNCTION wildrydes_keep_saga_history();
"""

# A saga is updated with every hop: room on its page keeps that from touching the indexes.
ROOM_FOR_UPDATES = """
ALTER TABLE wildrydes_saga SET (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.02,
    autovacuum_vacuum_threshold = 5000)
"""


class Migration(migrations.Migration):
    dependencies = [
        ("wildrydes", "0010_scatter_gather"),
    ]

    operations = [
        migrations.CreateModel(
            name="Saga",
            fields=[
                ("id", models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ("definition", models.CharField(max_length=200)),
                ("version", models.PositiveIntegerField()),
                ("key", models.CharField(max_length=200)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("running", "Running"),
                            ("compensating", "Compensating"),
                            ("completed", "Completed"),
                            ("compensated", "Compensated"),
                            ("stuck", "Stuck"),
                        ],
                        default="running",
                        max_length=12,
                    ),
                ),
                ("is_turned", models.BooleanField(default=False)),
                ("input", models.JSONField(default=dict)),
                ("state", models.JSONField(default=dict)),
                ("failed_step", models.CharField(blank=True, default="", max_length=100)),
                ("reason", models.TextField(blank=True, default="")),
                ("stuck_because", models.TextField(blank=True, default="")),
                ("correlation_id", models.CharField(blank=True, default="", max_length=200)),
                ("causation_id", models.UUIDField(blank=True, null=True)),
                ("trace_parent", models.CharField(blank=True, default="", max_length=100)),
                (
                    "started_at",
                    models.DateTimeField(
                        db_default=django.contrib.postgres.functions.TransactionNow()
                    ),
                ),
                ("deadline_at", models.DateTimeField(blank=True, null=True)),
                ("wake_at", models.DateTimeField(blank=True, null=True)),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                ("events", models.PositiveIntegerField(default=0)),
            ],
            options={
                "permissions": [
                    ("operate_saga", "Can retry, skip, supply, force and cancel sagas")
                ],
                "default_permissions": ("view",),
                "indexes": [
                    models.Index(
                        condition=models.Q(("wake_at__isnull", False)),
                        fields=["wake_at"],
                        name="wildrydes_saga_wake",
                    ),
                    models.Index(fields=["definition", "status", "id"], name="wildrydes_saga_list"),
                    models.Index(
                        condition=models.Q(("status", "stuck")),
                        fields=["definition"],
                        name="wildrydes_saga_stuck",
                    ),
                    models.Index(
                        condition=models.Q(
                            ("deadline_at__isnull", False), ("ended_at__isnull", True)
                        ),
                        fields=["deadline_at"],
                        name="wildrydes_saga_deadline",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("definition", "key"), name="wildrydes_saga_once"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="SagaEvent",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "saga_id",
                        "number",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("number", models.PositiveIntegerField()),
                ("kind", models.CharField(max_length=20)),
                ("step", models.CharField(blank=True, default="", max_length=100)),
                ("attempt", models.PositiveIntegerField(default=0)),
                ("message_id", models.UUIDField(blank=True, null=True)),
                ("data", models.JSONField(default=dict)),
                ("reason", models.TextField(blank=True, default="")),
                ("actor", models.CharField(blank=True, default="", max_length=200)),
                ("wake_at", models.DateTimeField(blank=True, null=True)),
                ("at", models.DateTimeField()),
                (
                    "saga",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="history",
                        to="wildrydes.saga",
                    ),
                ),
            ],
            options={
                "ordering": ["number"],
                "default_permissions": ("view",),
            },
        ),
        migrations.RunSQL(
            HISTORY_ONLY_GROWS, "DROP FUNCTION wildrydes_keep_saga_history() CASCADE"
        ),
        migrations.RunSQL(
            ROOM_FOR_UPDATES,
            "ALTER TABLE wildrydes_saga RESET (fillfactor, autovacuum_vacuum_scale_factor,"
            " autovacuum_vacuum_threshold)",
        ),
    ]
