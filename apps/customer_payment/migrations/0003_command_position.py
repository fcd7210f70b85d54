"""Which command was refused: an older one of the same order comes too late."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Where a command stands in its sender's log."""

    dependencies = [("customer_payment", "0002_append_only")]

    operations = [
        migrations.AddField(
            model_name="paymentevent",
            name="command_position",
            field=models.BigIntegerField(db_default=0, default=0),
        ),
    ]
