"""A ride whose fare is in the books, and the commands that concern it."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.db.models import Sum

from apps.customer_accounting.messages import CreditPayment, RecordRefund
from apps.customer_accounting.models import Posting
from apps.customer_accounting.subscriptions import record_fare
from wildrydes.envelope import Envelope
from wildrydes.models import new_id

Make = Callable[..., Envelope]


def credit(ride: UUID, **changes: Any) -> CreditPayment:
    fields = {
        "reference": str(new_id()),
        "ride_completion": ride,
        "customer": "cmr",
        "amount": Decimal("256.50"),
        "currency": "EUR",
    }
    return CreditPayment(**fields | changes)


def refund(of: str, **changes: Any) -> RecordRefund:
    fields = {
        "reference": str(new_id()),
        "of": of,
        "customer": "cmr",
        "amount": Decimal("100.00"),
        "currency": "EUR",
    }
    return RecordRefund(**fields | changes)


def balances() -> dict[str, Decimal]:
    """Return the balance of every account that has one."""
    sums = Posting.objects.values_list("account").annotate(total=Sum("amount"))
    return {account: total for account, total in sums if total}


@pytest.fixture
def ride(db: None, ride_completed: Make) -> UUID:
    """Return a ride of `cmr` for 256.50 that is in the books."""
    ride = new_id()
    record_fare([ride_completed(ride_completion=ride)])
    return ride
