"""What customers pay for their rides, and payments that are taken back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from apps.customer_accounting import ledger, operations, outcomes, queries
from apps.customer_accounting.messages import CreditPayment
from apps.customer_accounting.models import CustomerAccount, JournalEntry, Posting
from apps.customer_accounting.outcomes import Outcome
from wildrydes.errors import Retry

Account = Posting.Account
Kind = JournalEntry.Kind
FARE_COMES = timedelta(milliseconds=500)


@dataclass(frozen=True, kw_only=True)
class Books:
    """What has to be known of the books before payments are entered. What they change is kept."""

    entered: dict[str, UUID]
    withdrawn: frozenset[str]
    closed: frozenset[str]
    receivables: dict[UUID, queries.Receivable]


def credit_payments(*, credits: Sequence[CreditPayment], now: datetime) -> list[Outcome]:
    """Enter what customers have paid: debit payment clearing, credit their receivable.

    Each reference is entered once. Refused is what a closed account would get, what was taken
    back, and what is more than is owed for the ride. Raises `Retry` when the fare of a ride is not
    in the books yet. Must be called inside a transaction.
    """
    ledger.lock(name for credit in credits for name in _names(credit))
    books = _books(credits)
    entries: list[ledger.Entry] = []
    results = [_credit(credit, books, entries, now=now) for credit in credits]
    ledger.enter(entries)
    return results


def reverse_credits(*, references: Sequence[str], now: datetime) -> list[Outcome]:
    """Take payments back by a further entry; one that is not in the books will not get there.

    Refused is one of which something was given back: it would be taken off twice. Safe to call
    again. Must be called inside a transaction.
    """
    ledger.lock(payment_name(reference) for reference in references)
    refunded = _refunded(references)
    outcome = dict.fromkeys(references, Outcome(refusal="a part of the payment was given back"))
    free = [reference for reference in outcome if reference not in refunded]
    taken = outcomes.take_back(
        kind=Kind.PAYMENT, reversal=Kind.PAYMENT_REVERSAL, references=free, now=now
    )
    outcome |= zip(free, taken, strict=True)
    return [outcome[reference] for reference in references]


def payment_name(reference: str) -> str:
    """Return the name by which a payment is locked."""
    return f"payment {reference}"


def _refunded(references: Sequence[str]) -> set[str]:
    """Return the payments of which a refund stands in the books."""
    refunds = JournalEntry.objects.filter(
        kind=Kind.REFUND, refers_to__kind=Kind.PAYMENT, refers_to__reference__in=references
    )
    taken_back = JournalEntry.objects.filter(kind=Kind.REFUND_REVERSAL, refers_to__in=refunds)
    standing = refunds.exclude(id__in=taken_back.values("refers_to"))
    return set(standing.values_list("refers_to__reference", flat=True))


def _names(credit: CreditPayment) -> tuple[str, str]:
    return payment_name(credit.reference), operations.ride_name(credit.ride_completion)


def _books(credits: Sequence[CreditPayment]) -> Books:
    references = [credit.reference for credit in credits]
    found = outcomes.entries_of(kind=Kind.PAYMENT, references=references)
    customers = {credit.customer for credit in credits}
    closed = CustomerAccount.objects.filter(customer__in=customers, is_closed=True)
    return Books(
        entered={reference: entry.id for reference, entry in found.items()},
        withdrawn=outcomes.withdrawn(kind=Kind.PAYMENT, references=references),
        closed=frozenset(closed.values_list("customer", flat=True)),
        receivables=queries.receivables(rides=[credit.ride_completion for credit in credits]),
    )


def _credit(
    credit: CreditPayment, books: Books, entries: list[ledger.Entry], *, now: datetime
) -> Outcome:
    if credit.reference in books.withdrawn:
        return Outcome(refusal="the payment was taken back")
    if entered := books.entered.get(credit.reference):
        return Outcome(entry=entered)
    if credit.customer in books.closed:
        return Outcome(refusal=f"the account of {credit.customer} is closed")
    owed = books.receivables.get(credit.ride_completion)
    if owed is None:
        raise Retry(FARE_COMES, f"the fare of {credit.ride_completion} is not in the books yet")
    if refusal := _misfit(credit, owed):
        return Outcome(refusal=refusal)
    entry = _entry(credit, now=now)
    entries.append(entry)
    books.entered[credit.reference] = entry.id
    books.receivables[credit.ride_completion] = owed.less(credit.amount)
    return Outcome(entry=entry.id)


def _misfit(credit: CreditPayment, owed: queries.Receivable) -> str:
    """Return why the payment is not one for the ride; empty when it is."""
    if (credit.customer, credit.currency) != (owed.customer, owed.currency):
        return f"the ride is owed for by {owed.customer}, in {owed.currency}"
    if credit.amount > owed.owed:
        return f"{owed.owed:.2f} {owed.currency} are owed for the ride, no more"
    return ""


def _entry(credit: CreditPayment, *, now: datetime) -> ledger.Entry:
    receivable = Account.CUSTOMER_RECEIVABLE
    return ledger.Entry(
        kind=Kind.PAYMENT,
        ride_completion=credit.ride_completion,
        reference=credit.reference,
        customer=credit.customer,
        description="Payment, thank you",
        occurred_at=now,
        lines=(
            ledger.Line(Account.PAYMENT_CLEARING, credit.amount, credit.currency),
            ledger.Line(receivable, -credit.amount, credit.currency, credit.customer),
        ),
    )
