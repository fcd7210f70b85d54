"""What was answered to requests that bear a key."""

from django.db import migrations, models

# Purged all the time: vacuumed by number of dead rows. Each row is filled in once, on its page.
VACUUM_LIKE_QUEUES = """
ALTER TABLE wildrydes_idempotencykey SET (fillfactor = 80, autovacuum_vacuum_scale_factor = 0,
    autovacuum_vacuum_threshold = 5000);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("wildrydes", "0012_queue_limits"),
    ]

    operations = [
        migrations.CreateModel(
            name="IdempotencyKey",
            fields=[
                (
                    "digest",
                    models.BinaryField(max_length=32, primary_key=True, serialize=False),
                ),
                ("request", models.BinaryField(max_length=32)),
                ("status", models.PositiveSmallIntegerField(default=0)),
                ("location", models.TextField(blank=True, default="")),
                ("body", models.TextField(blank=True, default="")),
                ("expires_at", models.DateTimeField()),
            ],
            options={
                "verbose_name": "idempotency key",
                "indexes": [models.Index(fields=["expires_at"], name="wildrydes_idempotency_old")],
            },
        ),
        migrations.RunSQL(VACUUM_LIKE_QUEUES, migrations.RunSQL.noop),
    ]
