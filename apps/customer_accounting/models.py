"""The ledger: entries, and the postings that make each of them balance.

The database keeps what a ledger stands on (see the second migration): every new entry has
postings, an entry's postings are written by one statement and sum to zero in each currency, and
nothing is changed or deleted. What was wrong is put right by a further entry.
"""

from django.db import models
from django.db.models import Q

from wildrydes.models import new_id


class JournalEntry(models.Model):
    """One business fact in the books.

    A ride's fare is entered once for its ride completion; everything else once of its kind for
    the `reference` of whoever asked for it. A reversal `refers_to` the entry that it takes back,
    a refund to its payment.
    """

    class Kind(models.TextChoices):
        RIDE_FARE = "ride_fare", "Ride fare"
        PAYMENT = "payment", "Payment"
        PAYMENT_REVERSAL = "payment_reversal", "Payment taken back"
        REFUND = "refund", "Refund"
        REFUND_REVERSAL = "refund_reversal", "Refund taken back"
        WRITE_OFF = "write_off", "Write-off"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    kind = models.CharField(max_length=40, choices=Kind.choices)
    ride_completion = models.UUIDField()
    reference = models.CharField(max_length=200, blank=True, default="", db_default="")
    refers_to = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, db_index=False, related_name="+"
    )
    customer = models.CharField(max_length=64)
    description = models.CharField(max_length=500)
    occurred_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "journal entries"
        permissions = [("write_off_journalentry", "Can give up what is owed for a ride")]
        constraints = [
            models.UniqueConstraint(
                fields=["ride_completion", "kind", "reference"],
                name="customer_accounting_entry_once",
            ),
            models.UniqueConstraint(
                fields=["reference", "kind"],
                name="customer_accounting_reference_once",
                condition=~Q(reference=""),
            ),
            models.CheckConstraint(
                condition=Q(kind="ride_fare", reference="")
                | (~Q(kind="ride_fare") & ~Q(reference="")),
                name="customer_accounting_fares_have_no_reference",
            ),
        ]
        indexes = [
            models.Index(fields=["customer", "id"], name="customer_accounting_entries"),
            models.Index(
                fields=["refers_to"],
                name="customer_accounting_refers_to",
                condition=Q(refers_to__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.ride_completion}"


class Posting(models.Model):
    """One line of an entry. A debit is positive, a credit negative.

    `customer` is the subledger: whose receivable it is. It is empty for accounts without one.
    """

    class Account(models.TextChoices):
        CUSTOMER_RECEIVABLE = "customer_receivable", "Customer receivable"
        RIDE_REVENUE = "ride_revenue", "Ride revenue"
        PAYMENT_CLEARING = "payment_clearing", "Payment clearing"
        BAD_DEBT = "bad_debt", "Bad debt"

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


class Withdrawal(models.Model):
    """A payment or refund that was taken back, perhaps before it was entered.

    What was taken back is not entered any more, however late its command comes.
    """

    kind = models.CharField(max_length=40, choices=JournalEntry.Kind.choices)
    reference = models.CharField(max_length=200)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["reference", "kind"], name="customer_accounting_withdrawn_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.reference}"


class CustomerAccount(models.Model):
    """What staff have decided about a customer's account. One without a row is open.

    A closed account takes no payments. `reason` says why it is closed.
    """

    customer = models.CharField(max_length=64, primary_key=True)
    is_closed = models.BooleanField("closed", default=False)
    reason = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(is_closed=False) | ~Q(reason=""),
                name="customer_accounting_closed_for_a_reason",
                violation_error_message="Say why the account is closed.",
            ),
        ]

    def __str__(self) -> str:
        return self.customer
