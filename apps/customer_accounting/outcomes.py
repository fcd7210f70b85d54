"""What becomes of a command to the ledger, and how an entry is taken back."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from apps.customer_accounting import ledger
from apps.customer_accounting.models import JournalEntry, Withdrawal


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The entry that stands in the books, or why there is none; neither: nothing was to be done."""

    entry: UUID | None = None
    refusal: str = ""


def entries_of(*, kind: str, references: Collection[str]) -> dict[str, JournalEntry]:
    """Return the entries of that kind by their reference."""
    found = JournalEntry.objects.filter(kind=kind, reference__in=references)
    return {entry.reference: entry for entry in found}


def withdrawn(*, kind: str, references: Collection[str]) -> frozenset[str]:
    """Return which of these were taken back."""
    found = Withdrawal.objects.filter(kind=kind, reference__in=references)
    return frozenset(found.values_list("reference", flat=True))


def take_back(
    *, kind: str, reversal: str, references: Sequence[str], now: datetime
) -> list[Outcome]:
    """Take back what is entered under these references, and bar what is not from being entered.

    Safe to call again. The references must be locked.
    """
    _withdraw(kind, references, now=now)
    found = entries_of(kind=kind, references=references)
    entered = entries_of(kind=reversal, references=references)
    new = {
        reference: _opposite(entry, kind=reversal, now=now)
        for reference, entry in found.items()
        if reference not in entered
    }
    ledger.enter(list(new.values()))
    ids = {reference: entry.id for reference, entry in entered.items()}
    ids |= {reference: entry.id for reference, entry in new.items()}
    return [Outcome(entry=ids.get(reference)) for reference in references]


def _withdraw(kind: str, references: Sequence[str], *, now: datetime) -> None:
    rows = [
        Withdrawal(kind=kind, reference=reference, at=now) for reference in sorted(set(references))
    ]
    Withdrawal.objects.bulk_create(rows, ignore_conflicts=True)


def _opposite(entry: JournalEntry, *, kind: str, now: datetime) -> ledger.Entry:
    """Return the entry that takes another one back: the same lines, the other way round."""
    return ledger.Entry(
        kind=kind,
        ride_completion=entry.ride_completion,
        reference=entry.reference,
        refers_to=entry.id,
        customer=entry.customer,
        description=f"Taken back: {entry.description}"[:500],
        occurred_at=now,
        lines=tuple(
            ledger.Line(line.account, -line.amount, line.currency, line.customer)
            for line in entry.postings.order_by("id")
        ),
    )
