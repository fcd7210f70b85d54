"""What was charged for a ride, and given back. Never changed, as its timeline and receipt."""

import django.db.models.deletion
from django.db import migrations, models

APPEND_ONLY = """
CREATE TRIGGER ride_booking_payment_append_only
    BEFORE UPDATE OR DELETE ON ride_booking_payment
    FOR EACH STATEMENT EXECUTE FUNCTION ride_booking_refuse_change();
"""

NO_APPEND_ONLY = "DROP TRIGGER ride_booking_payment_append_only ON ride_booking_payment"


class Migration(migrations.Migration):
    dependencies = [
        ("ride_booking", "0002_append_only"),
    ]

    operations = [
        migrations.CreateModel(
            name="Payment",
            fields=[
                ("id", models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ("amount", models.DecimalField(decimal_places=2, max_digits=12)),
                ("currency", models.CharField(max_length=3)),
                ("card", models.CharField(blank=True, max_length=20)),
                ("at", models.DateTimeField()),
                (
                    "ride",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="payments",
                        to="ride_booking.ride",
                    ),
                ),
            ],
        ),
        migrations.RunSQL(APPEND_ONLY, NO_APPEND_ONLY),
    ]
