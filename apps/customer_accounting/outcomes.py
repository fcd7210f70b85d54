"""What becomes of a command to the ledger, and what was taken back before."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

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


def withdraw(*, kind: str, references: Sequence[str], now: datetime) -> None:
    """Keep that these are taken back, also those that were never entered. Safe to call again."""
    rows = [
        Withdrawal(kind=kind, reference=reference, at=now) for reference in sorted(set(references))
    ]
    Withdrawal.objects.bulk_create(rows, ignore_conflicts=True)
