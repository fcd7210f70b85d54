from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("probe", "0001_initial")]

    operations = [
        migrations.CreateModel(
            name="StepEffect",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("saga_id", models.UUIDField(db_index=True)),
                ("step", models.CharField(max_length=40)),
                ("is_undo", models.BooleanField()),
                ("message_id", models.UUIDField()),
                ("is_new", models.BooleanField()),
            ],
        ),
    ]
