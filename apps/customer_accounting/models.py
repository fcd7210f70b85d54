"""The ledger: entries, and the postings that make each of them balance.

The database keeps what a ledger stands on (see the second migration): every new entry has
postings, an entry's postings are written by one statement and sum to zero in each currency, and
nothing is changed or deleted. What was wrong is put right by a further entry.
"""

from django.db import models

from wildrydes.models import new_id


class JournalEntry(models.Model):
    """One business fact in the books: a ride's fare. One of its kind for each ride completion."""

    class Kind(models.TextChoices):
        RIDE_FARE = "ride_fare", "Ride fare"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    kind = models.CharField(max_length=40, choices=Kind.choices)
    ride_completion = models.UUIDField()
    customer = models.CharField(max_length=64)
    description = models.CharField(max_length=500)
    occurred_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "journal entries"
        constraints = [
            models.UniqueConstraint(
                fields=["ride_completion", "kind"], name="customer_accounting_entry_once"
            ),
        ]
        indexes = [models.Index(fields=["customer", "id"], name="customer_accounting_entries")]

    def __str__(self) -> str:
        return f"{self.kind} {self.ride_completion}"


class Posting(models.Model):
    """One line of an entry. A debit is positive, a credit negative.

    `customer` is the subledger: whose receivable it is. It is empty for accounts without one.
    """

    class Account(models.TextChoices):
        CUSTOMER_RECEIVABLE = "customer_receivable", "Customer receivable"
        RIDE_REVENUE = "ride_revenue", "Ride revenue"

    entry = models.ForeignKey(
        JournalEntry, on_delete=models.PROTECT, related_name="postings", db_index=False
    )
    account = models.CharField(max_length=40, choices=Account.choices)
    customer = models.CharField(max_length=64, blank=True)
    amount = models.DecimalField(max_digits=14, decimal_places=2)
    currency = models.CharField(max_length=3)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["entry", "account", "customer", "currency"],
                name="customer_accounting_one_line_per_account",
            ),
        ]
        indexes = [
            models.Index(
                fields=["customer", "currency", "entry"],
                name="customer_accounting_statement",
                include=["amount"],
                condition=models.Q(account="customer_receivable"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.account} {self.amount} {self.currency}"
