"""Dead letters: canary redrives, and the record of who did what, which nobody can change."""

import django.contrib.postgres.functions
import django.db.models.deletion
from django.db import migrations, models

REFUSE_CHANGES = """
CREATE FUNCTION wildrydes_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'operator actions are append-only' USING ERRCODE = 'restrict_violation';
END $$;

CREATE TRIGGER wildrydes_refuse_change
BEFORE UPDATE OR DELETE ON wildrydes_operatoraction
FOR EACH STATEMENT EXECUTE FUNCTION wildrydes_refuse_change();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("wildrydes", "0003_order_and_failures"),
    ]

    operations = [
        migrations.CreateModel(
            name="OperatorAction",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "at",
                    models.DateTimeField(
                        db_default=django.contrib.postgres.functions.TransactionNow()
                    ),
                ),
                ("by", models.CharField(max_length=200)),
                ("action", models.CharField(max_length=40)),
                ("subscription", models.CharField(blank=True, default="", max_length=200)),
                ("receipt_id", models.BigIntegerField(blank=True, null=True)),
                ("message_id", models.UUIDField(blank=True, null=True)),
                ("detail", models.JSONField(blank=True, default=dict)),
            ],
            options={
                "default_permissions": ("view",),
            },
        ),
        migrations.CreateModel(
            name="Redrive",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("running", "Running"),
                            ("paused", "Paused"),
                            ("halted", "Halted"),
                            ("cancelled", "Cancelled"),
                            ("finished", "Finished"),
                        ],
                        default="running",
                        max_length=10,
                    ),
                ),
                (
                    "stage",
                    models.CharField(
                        choices=[("one", "One"), ("ten", "Ten"), ("rest", "Rest")],
                        default="one",
                        max_length=10,
                    ),
                ),
                ("selection", models.JSONField(default=dict, help_text="What was asked for.")),
                ("rate", models.FloatField(help_text="Letters a second, in the last stage.")),
                (
                    "canary_failures",
                    models.PositiveIntegerField(
                        default=0, help_text="So many may fail in each of the first two stages."
                    ),
                ),
                (
                    "rest_failure_share",
                    models.FloatField(
                        default=0.1, help_text="Such a share may fail in the last stage."
                    ),
                ),
                ("started_by", models.CharField(max_length=200)),
                (
                    "started_at",
                    models.DateTimeField(
                        db_default=django.contrib.postgres.functions.TransactionNow()
                    ),
                ),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                ("next_slot_at", models.DateTimeField(blank=True, null=True)),
                ("reason", models.TextField(blank=True, default="", help_text="Why it halted.")),
                (
                    "size",
                    models.PositiveIntegerField(default=0, help_text="Letters in the selection."),
                ),
                (
                    "in_work",
                    models.PositiveIntegerField(default=0, help_text="Sent, and not yet settled."),
                ),
                ("done", models.PositiveIntegerField(default=0)),
                ("failed", models.PositiveIntegerField(default=0, help_text="Dead again.")),
                (
                    "dropped",
                    models.PositiveIntegerField(default=0, help_text="Let go of by the handler."),
                ),
                (
                    "skipped",
                    models.PositiveIntegerField(
                        default=0, help_text="No longer dead letters when their turn came."
                    ),
                ),
                ("stage_sent", models.PositiveIntegerField(default=0)),
                ("stage_settled", models.PositiveIntegerField(default=0)),
                ("stage_failed", models.PositiveIntegerField(default=0)),
            ],
            options={
                "default_permissions": ("view",),
            },
        ),
        migrations.CreateModel(
            name="RedriveItem",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("number", models.PositiveIntegerField()),
                ("receipt_id", models.BigIntegerField()),
                ("subscription", models.CharField(max_length=200)),
                ("message_id", models.UUIDField()),
                (
                    "outcome",
                    models.CharField(
                        choices=[
                            ("waiting", "Waiting"),
                            ("sent", "Sent"),
                            ("done", "Done"),
                            ("failed", "Failed"),
                            ("dropped", "Dropped"),
                            ("skipped", "Skipped"),
                        ],
                        default="waiting",
                        max_length=10,
                    ),
                ),
                (
                    "stage",
                    models.CharField(
                        blank=True,
                        choices=[("one", "One"), ("ten", "Ten"), ("rest", "Rest")],
                        default="",
                        max_length=10,
                    ),
                ),
                ("attempts", models.PositiveIntegerField(default=0)),
                ("released_at", models.DateTimeField(blank=True, null=True)),
                ("settled_at", models.DateTimeField(blank=True, null=True)),
                ("error", models.TextField(blank=True, default="")),
            ],
            options={
                "default_permissions": ("view",),
            },
        ),
        migrations.CreateModel(
            name="DeadLetter",
            fields=[],
            options={
                "permissions": [
                    ("redrive_dead_letter", "Can redrive dead letters"),
                    ("discard_dead_letter", "Can discard dead letters"),
                    ("edit_dead_letter", "Can edit the message of a dead letter"),
                ],
                "proxy": True,
                "default_permissions": ("view",),
                "indexes": [],
                "constraints": [],
            },
            bases=("wildrydes.receipt",),
        ),
        migrations.AddIndex(
            model_name="operatoraction",
            index=models.Index(fields=["message_id"], name="wildrydes_action_message"),
        ),
        migrations.AddIndex(
            model_name="redrive",
            index=models.Index(
                condition=models.Q(("state", "running"), ("in_work__gt", 0), _connector="OR"),
                fields=["id"],
                name="wildrydes_redrive_live",
            ),
        ),
        migrations.AddConstraint(
            model_name="redrive",
            constraint=models.CheckConstraint(
                condition=models.Q(("rate__gt", 0)), name="wildrydes_redrive_rate"
            ),
        ),
        migrations.AddField(
            model_name="redriveitem",
            name="redrive",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="items",
                to="wildrydes.redrive",
            ),
        ),
        migrations.AddIndex(
            model_name="redriveitem",
            index=models.Index(
                condition=models.Q(("outcome", "waiting")),
                fields=["redrive", "number"],
                name="wildrydes_redrive_waiting",
            ),
        ),
        migrations.AddIndex(
            model_name="redriveitem",
            index=models.Index(
                condition=models.Q(("outcome", "sent")),
                fields=["redrive"],
                name="wildrydes_redrive_sent",
            ),
        ),
        migrations.AddConstraint(
            model_name="redriveitem",
            constraint=models.UniqueConstraint(
                fields=("redrive", "number"), name="wildrydes_redrive_place"
            ),
        ),
        migrations.AddConstraint(
            model_name="redriveitem",
            constraint=models.UniqueConstraint(
                fields=("receipt_id", "redrive"), name="wildrydes_redrive_letter"
            ),
        ),
        migrations.RunSQL(REFUSE_CHANGES, "DROP FUNCTION wildrydes_refuse_change() CASCADE"),
    ]
