"""What the ledger is asked."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import Count, F, Q, QuerySet, Sum, Window

from apps.customer_accounting.models import JournalEntry, Posting

ZERO = Decimal("0.00")

OPEN = "open"
SETTLED = "settled"
WRITTEN_OFF = "written_off"


@dataclass(frozen=True, kw_only=True)
class Receivable:
    """What is owed for one ride: all of it at first, in the end nothing."""

    ride_completion: UUID
    customer: str
    currency: str
    owed: Decimal
    is_written_off: bool = False

    @property
    def status(self) -> str:
        """Return open, settled or written off."""
        if self.owed > 0:
            return OPEN
        return WRITTEN_OFF if self.is_written_off else SETTLED

    def less(self, amount: Decimal) -> Receivable:
        """Return what is owed when so much of it has been paid."""
        return replace(self, owed=self.owed - amount)


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line of a statement; `balance` is what was owed once it had been entered.

    `receivable` says how the whole ride stands now: open, settled or written off.
    """

    entry: UUID
    kind: str
    receivable: str
    ride_completion: UUID
    description: str
    amount: Decimal
    balance: Decimal
    occurred_at: datetime


@dataclass(frozen=True, kw_only=True)
class Statement:
    """A page of a customer's account, newest first; `balance` is what is owed now."""

    customer: str
    currency: str
    balance: Decimal
    lines: tuple[Line, ...]
    has_more: bool

    @property
    def continues_after(self) -> UUID | None:
        """Return the entry after which the next page begins; none on the last page."""
        return self.lines[-1].entry if self.has_more else None


def statement(*, customer: str, currency: str, limit: int, before: UUID | None = None) -> Statement:
    """Return at most `limit` lines, those older than the entry `before` where it is given.

    Entries are in the order of their ids, which is that of time.
    """
    postings = _receivable(customer=customer, currency=currency)
    page = postings if before is None else postings.filter(entry_id__lt=before)
    rows = list(_with_running_balance(page)[: limit + 1])
    stand = receivables(rides={row["ride_completion"] for row in rows})
    newest_is_here = before is None and rows
    return Statement(
        customer=customer,
        currency=currency,
        balance=rows[0]["balance"] if newest_is_here else _total(postings),
        lines=tuple(_line(row, stand[row["ride_completion"]]) for row in rows[:limit]),
        has_more=len(rows) > limit,
    )


def receivables(*, rides: Collection[UUID]) -> dict[UUID, Receivable]:
    """Return what is owed for each of these rides, as far as its fare is in the books."""
    written_off = Q(entry__kind=JournalEntry.Kind.WRITE_OFF)
    found = (
        Posting.objects.filter(
            entry__ride_completion__in=rides, account=Posting.Account.CUSTOMER_RECEIVABLE
        )
        .values("entry__ride_completion", "customer", "currency")
        .annotate(owed=Sum("amount"), written_off=Count("id", filter=written_off))
    )
    return {
        row["entry__ride_completion"]: Receivable(
            ride_completion=row["entry__ride_completion"],
            customer=row["customer"],
            currency=row["currency"],
            owed=row["owed"],
            is_written_off=row["written_off"] > 0,
        )
        for row in found
    }


def _receivable(*, customer: str, currency: str) -> QuerySet[Posting]:
    return Posting.objects.filter(
        account=Posting.Account.CUSTOMER_RECEIVABLE, customer=customer, currency=currency
    )


def _total(postings: QuerySet[Posting]) -> Decimal:
    total: Decimal | None = postings.aggregate(total=Sum("amount"))["total"]
    return ZERO if total is None else total


def _with_running_balance(postings: QuerySet[Posting]) -> QuerySet[Posting, Any]:
    """Add up from the oldest line; leaving out the newest ones changes no other line's balance."""
    return postings.order_by("-entry_id").values(
        "entry_id",
        "amount",
        kind=F("entry__kind"),
        ride_completion=F("entry__ride_completion"),
        description=F("entry__description"),
        occurred_at=F("entry__occurred_at"),
        balance=Window(Sum("amount"), order_by=F("entry_id").asc()),
    )


def _line(row: dict[str, Any], stands: Receivable) -> Line:
    return Line(
        entry=row["entry_id"],
        kind=row["kind"],
        receivable=stands.status,
        ride_completion=row["ride_completion"],
        description=row["description"],
        amount=row["amount"],
        balance=row["balance"],
        occurred_at=row["occurred_at"],
    )
