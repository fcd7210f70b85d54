"""Customers are told of more than completed rides."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Say what a notification is about, whatever that is."""

    dependencies = [("customer_notification", "0001_initial")]

    operations = [
        migrations.RemoveConstraint(model_name="notification", name="customer_notification_once"),
        migrations.RenameField(
            model_name="notification", old_name="ride_completion", new_name="about"
        ),
        migrations.AddConstraint(
            model_name="notification",
            constraint=models.UniqueConstraint(
                fields=("about", "kind"), name="customer_notification_once"
            ),
        ),
        migrations.AlterField(
            model_name="notification",
            name="kind",
            field=models.CharField(
                choices=[
                    ("ride_completed", "Ride completed"),
                    ("ride_booked", "Ride booked"),
                    ("ride_cancelled", "Ride cancelled"),
                    ("no_quotes", "No quotes"),
                ],
                max_length=40,
            ),
        ),
    ]
