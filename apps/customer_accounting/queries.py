"""What the ledger is asked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db.models import F, QuerySet, Sum, Window

from apps.customer_accounting.models import Posting

ZERO = Decimal("0.00")


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line of a statement; `balance` is what was owed once it had been entered."""

    entry: UUID
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
    rows = [_line(row) for row in _with_running_balance(page)[: limit + 1]]
    newest_is_here = before is None and rows
    return Statement(
        customer=customer,
        currency=currency,
        balance=rows[0].balance if newest_is_here else _total(postings),
        lines=tuple(rows[:limit]),
        has_more=len(rows) > limit,
    )


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
        ride_completion=F("entry__ride_completion"),
        description=F("entry__description"),
        occurred_at=F("entry__occurred_at"),
        balance=Window(Sum("amount"), order_by=F("entry_id").asc()),
    )


def _line(row: dict[str, Any]) -> Line:
    return Line(
        entry=row["entry_id"],
        ride_completion=row["ride_completion"],
        description=row["description"],
        amount=row["amount"],
        balance=row["balance"],
        occurred_at=row["occurred_at"],
    )
