"""What is given back to customers of what they have paid, and refunds that are taken back."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from apps.customer_accounting import ledger, outcomes, payments
from apps.customer_accounting.messages import RecordRefund
from apps.customer_accounting.models import JournalEntry, Posting
from apps.customer_accounting.outcomes import Outcome

Account = Posting.Account
Kind = JournalEntry.Kind
ZERO = Decimal("0.00")


@dataclass(frozen=True, kw_only=True)
class Books:
    """What has to be known of the books before refunds are entered. What they change is kept."""

    entered: dict[str, UUID]
    withdrawn: frozenset[str]
    payments: dict[str, JournalEntry]
    paid: dict[str, Decimal]


def record_refunds(*, refunds: Sequence[RecordRefund], now: datetime) -> list[Outcome]:
    """Enter what customers get back: debit ride revenue, credit payment clearing.

    Each reference is entered once. Refused is what was taken back, and what is more than is left
    of the payment. What the customer owes does not change, and a line of zero on their receivable
    shows the refund in their statement. Must be called inside a transaction.
    """
    ledger.lock(name for refund in refunds for name in _names(refund))
    books = _books(refunds)
    entries: list[ledger.Entry] = []
    results = [_refund(refund, books, entries, now=now) for refund in refunds]
    ledger.enter(entries)
    return results


def reverse_refunds(*, references: Sequence[str], now: datetime) -> list[Outcome]:
    """Take refunds back by a further entry; one that is not in the books will not get there.

    Safe to call again. Must be called inside a transaction.
    """
    ledger.lock(_name(reference) for reference in references)
    return outcomes.take_back(
        kind=Kind.REFUND, reversal=Kind.REFUND_REVERSAL, references=references, now=now
    )


def _name(reference: str) -> str:
    return f"refund {reference}"


def _names(refund: RecordRefund) -> tuple[str, str]:
    return _name(refund.reference), payments.payment_name(refund.of)


def _books(refunds: Sequence[RecordRefund]) -> Books:
    references = [refund.reference for refund in refunds]
    of = {refund.of for refund in refunds}
    gone = outcomes.withdrawn(kind=Kind.PAYMENT, references=of)
    found = outcomes.entries_of(kind=Kind.PAYMENT, references=of - gone)
    entered = outcomes.entries_of(kind=Kind.REFUND, references=references)
    return Books(
        entered={reference: entry.id for reference, entry in entered.items()},
        withdrawn=outcomes.withdrawn(kind=Kind.REFUND, references=references),
        payments=found,
        paid=_left(found.values()),
    )


def _left(paid: Collection[JournalEntry]) -> dict[str, Decimal]:
    """Return, by the payments' references, what is left of them after the refunds so far."""
    refunds = JournalEntry.objects.filter(kind=Kind.REFUND, refers_to__in=paid)
    reversals = JournalEntry.objects.filter(kind=Kind.REFUND_REVERSAL, refers_to__in=refunds)
    payment_of = {entry.id: entry.reference for entry in paid}
    payment_of |= {
        refund: payment_of[payment] for refund, payment in refunds.values_list("id", "refers_to_id")
    }
    payment_of |= {
        reversal: payment_of[refund]
        for reversal, refund in reversals.values_list("id", "refers_to_id")
    }
    left: dict[str, Decimal] = {}
    clearing = Posting.objects.filter(entry__in=payment_of, account=Account.PAYMENT_CLEARING)
    for entry, amount in clearing.values_list("entry_id", "amount"):
        left[payment_of[entry]] = left.get(payment_of[entry], ZERO) + amount
    return left


def _refund(
    refund: RecordRefund, books: Books, entries: list[ledger.Entry], *, now: datetime
) -> Outcome:
    if refund.reference in books.withdrawn:
        return Outcome(refusal="the refund was taken back")
    if entered := books.entered.get(refund.reference):
        return Outcome(entry=entered)
    payment = books.payments.get(refund.of)
    if payment is None or payment.customer != refund.customer:
        return Outcome(refusal="there is no such payment in the books")
    left = books.paid[refund.of]
    if refund.amount > left:
        return Outcome(refusal=f"{left:.2f} {refund.currency} are left of the payment, no more")
    entry = _entry(refund, payment, now=now)
    entries.append(entry)
    books.entered[refund.reference] = entry.id
    books.paid[refund.of] = left - refund.amount
    return Outcome(entry=entry.id)


def _entry(refund: RecordRefund, payment: JournalEntry, *, now: datetime) -> ledger.Entry:
    amount, currency = refund.amount, refund.currency
    return ledger.Entry(
        kind=Kind.REFUND,
        ride_completion=payment.ride_completion,
        reference=refund.reference,
        refers_to=payment.id,
        customer=refund.customer,
        description=f"Refund of {amount:.2f} {currency} to your card",
        occurred_at=now,
        lines=(
            ledger.Line(Account.RIDE_REVENUE, amount, currency),
            ledger.Line(Account.PAYMENT_CLEARING, -amount, currency),
            ledger.Line(Account.CUSTOMER_RECEIVABLE, ZERO, currency, refund.customer),
        ),
    )
