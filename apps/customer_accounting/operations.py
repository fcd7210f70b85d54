"""What may be done to the ledger's rides: enter what they cost, give up what is not paid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

import structlog
from django.db import transaction

from apps.customer_accounting import ledger, queries
from apps.customer_accounting.models import CustomerAccount, JournalEntry, Posting
from wildrydes.models import OperatorAction

logger = structlog.get_logger(__name__)

CHANGE_ACCOUNT = "change_account"
WRITE_OFF = "write_off"


class NothingOwedError(Exception):
    """There is nothing to write off: nothing is owed for the ride."""


@dataclass(frozen=True, kw_only=True)
class RideFare:
    """What a customer owes for one completed ride."""

    ride_completion: UUID
    customer: str
    fare: Decimal
    currency: str
    description: str
    occurred_at: datetime


def record_ride_fares(*, fares: Sequence[RideFare]) -> int:
    """Enter each ride's fare: debit the customer's receivable, credit ride revenue.

    One statement for any number of fares. A ride whose fare stands in the books already is left
    as it is; the number of new entries is returned.
    """
    recorded = len(ledger.enter([_entry(fare) for fare in fares]))
    if recorded < len(fares):
        logger.warning("ride_fare_already_recorded", rides=len(fares) - recorded)
    return recorded


def write_off(*, ride_completion: UUID, by: str, now: datetime) -> Decimal:
    """Give up what is owed for a ride, and put on record who did; return the amount.

    Debit bad debt, credit the customer's receivable. Raises `NothingOwedError`.
    """
    with transaction.atomic():
        ledger.lock([ride_name(ride_completion)])
        found = queries.receivables(rides=[ride_completion]).get(ride_completion)
        if found is None or found.owed <= 0:
            raise NothingOwedError(f"nothing is owed for ride completion {ride_completion}")
        ledger.enter([_written_off(found, now=now)])
        detail = {"ride_completion": str(ride_completion), "amount": f"{found.owed:.2f}"}
        OperatorAction.objects.create(by=by, action=WRITE_OFF, detail=detail)
    return found.owed


def change_account(*, account: CustomerAccount, by: str) -> None:
    """Close a customer's account or open it, and put on record who did.

    Raises Django's `ValidationError` for one that is closed without a reason.
    """
    with transaction.atomic():
        account.full_clean(validate_unique=False)
        account.save()
        detail = {
            "customer": account.customer,
            "closed": account.is_closed,
            "reason": account.reason,
        }
        OperatorAction.objects.create(by=by, action=CHANGE_ACCOUNT, detail=detail)


def ride_name(ride_completion: UUID) -> str:
    """Return the name by which what is owed for a ride is locked."""
    return f"ride {ride_completion}"


def _entry(fare: RideFare) -> ledger.Entry:
    account = Posting.Account
    return ledger.Entry(
        kind=JournalEntry.Kind.RIDE_FARE,
        ride_completion=fare.ride_completion,
        customer=fare.customer,
        description=fare.description,
        occurred_at=fare.occurred_at,
        lines=(
            ledger.Line(account.CUSTOMER_RECEIVABLE, fare.fare, fare.currency, fare.customer),
            ledger.Line(account.RIDE_REVENUE, -fare.fare, fare.currency),
        ),
    )


def _written_off(found: queries.Receivable, *, now: datetime) -> ledger.Entry:
    account = Posting.Account
    return ledger.Entry(
        kind=JournalEntry.Kind.WRITE_OFF,
        ride_completion=found.ride_completion,
        reference=str(found.ride_completion),
        customer=found.customer,
        description="Written off",
        occurred_at=now,
        lines=(
            ledger.Line(account.BAD_DEBT, found.owed, found.currency),
            ledger.Line(account.CUSTOMER_RECEIVABLE, -found.owed, found.currency, found.customer),
        ),
    )
