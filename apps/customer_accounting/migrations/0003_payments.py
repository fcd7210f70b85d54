"""Customers pay: entries of more kinds, each once for its reference, and closed accounts."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("customer_accounting", "0002_ledger_rules"),
    ]

    operations = [
        migrations.CreateModel(
            name="CustomerAccount",
            fields=[
                ("customer", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("is_closed", models.BooleanField(default=False, verbose_name="closed")),
                ("reason", models.CharField(blank=True, max_length=200)),
            ],
        ),
        migrations.CreateModel(
            name="Withdrawal",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("ride_fare", "Ride fare"),
                            ("payment", "Payment"),
                            ("payment_reversal", "Payment taken back"),
                            ("refund", "Refund"),
                            ("refund_reversal", "Refund taken back"),
                            ("write_off", "Write-off"),
                        ],
                        max_length=40,
                    ),
                ),
                ("reference", models.CharField(max_length=200)),
                ("at", models.DateTimeField()),
            ],
        ),
        migrations.AlterModelOptions(
            name="journalentry",
            options={
                "permissions": [("write_off_journalentry", "Can give up what is owed for a ride")],
                "verbose_name_plural": "journal entries",
            },
        ),
        migrations.RemoveConstraint(
            model_name="journalentry",
            name="customer_accounting_entry_once",
        ),
        migrations.AddField(
            model_name="journalentry",
            name="reference",
            field=models.CharField(blank=True, db_default="", default="", max_length=200),
        ),
        migrations.AddField(
            model_name="journalentry",
            name="refers_to",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="customer_accounting.journalentry",
            ),
        ),
        migrations.AlterField(
            model_name="journalentry",
            name="kind",
            field=models.CharField(
                choices=[
                    ("ride_fare", "Ride fare"),
                    ("payment", "Payment"),
                    ("payment_reversal", "Payment taken back"),
                    ("refund", "Refund"),
                    ("refund_reversal", "Refund taken back"),
                    ("write_off", "Write-off"),
                ],
                max_length=40,
            ),
        ),
        migrations.AlterField(
            model_name="posting",
            name="account",
            field=models.CharField(
                choices=[
                    ("customer_receivable", "Customer receivable"),
                    ("ride_revenue", "Ride revenue"),
                    ("payment_clearing", "Payment clearing"),
                    ("bad_debt", "Bad debt"),
                ],
                max_length=40,
            ),
        ),
        migrations.AddIndex(
            model_name="journalentry",
            index=models.Index(
                condition=models.Q(("refers_to__isnull", False)),
                fields=["refers_to"],
                name="customer_accounting_refers_to",
            ),
        ),
        migrations.AddConstraint(
            model_name="journalentry",
            constraint=models.UniqueConstraint(
                fields=("ride_completion", "kind", "reference"),
                name="customer_accounting_entry_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="journalentry",
            constraint=models.UniqueConstraint(
                condition=models.Q(("reference", ""), _negated=True),
                fields=("reference", "kind"),
                name="customer_accounting_reference_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="journalentry",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("kind", "ride_fare"), ("reference", "")),
                    models.Q(
                        models.Q(("kind", "ride_fare"), _negated=True),
                        models.Q(("reference", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="customer_accounting_fares_have_no_reference",
            ),
        ),
        migrations.AddConstraint(
            model_name="customeraccount",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("is_closed", False), models.Q(("reason", ""), _negated=True), _connector="OR"
                ),
                name="customer_accounting_closed_for_a_reason",
                violation_error_message="Say why the account is closed.",
            ),
        ),
        migrations.AddConstraint(
            model_name="withdrawal",
            constraint=models.UniqueConstraint(
                fields=("reference", "kind"), name="customer_accounting_withdrawn_once"
            ),
        ),
    ]
