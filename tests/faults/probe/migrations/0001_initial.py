from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="ProbeEffect",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("subscription", models.CharField(max_length=200)),
                ("message_id", models.UUIDField(db_index=True)),
                ("group_id", models.CharField(max_length=200)),
                ("position", models.BigIntegerField()),
                ("previous", models.BigIntegerField()),
            ],
            options={
                "indexes": [
                    models.Index(
                        fields=["subscription", "group_id", "position"], name="probe_groups"
                    )
                ],
            },
        ),
    ]
