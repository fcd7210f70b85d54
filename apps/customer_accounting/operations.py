"""What may be done to the ledger: add to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

import structlog
from django.db import connection

from apps.customer_accounting.models import JournalEntry, Posting
from wildrydes.models import new_id

logger = structlog.get_logger(__name__)

# One statement: the database wants to see an entry and all of its postings at once, and the
# entries that are there already (and so are not returned by the first part) get no postings.
# The order of insertion is that of the unique key, so that two batches cannot deadlock.
POST_ENTRIES = """
WITH entry AS (
    INSERT INTO customer_accounting_journalentry
        (id, kind, ride_completion, customer, description, occurred_at)
    SELECT * FROM unnest(
        %(id)s::uuid[], %(kind)s::text[], %(ride_completion)s::uuid[],
        %(customer)s::text[], %(description)s::text[], %(occurred_at)s::timestamptz[]
    ) AS new (id, kind, ride_completion, customer, description, occurred_at)
    ORDER BY ride_completion, kind
    ON CONFLICT (ride_completion, kind) DO NOTHING
    RETURNING id
)
INSERT INTO customer_accounting_posting (entry_id, account, customer, amount, currency)
SELECT line.* FROM unnest(
    %(line_entry)s::uuid[], %(line_account)s::text[], %(line_customer)s::text[],
    %(line_amount)s::numeric(14, 2)[], %(line_currency)s::text[]
) AS line (entry_id, account, customer, amount, currency)
JOIN entry ON entry.id = line.entry_id
RETURNING entry_id
"""


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
    if not fares:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(POST_ENTRIES, _columns(fares))
        recorded = len({row[0] for row in cursor.fetchall()})
    if recorded < len(fares):
        logger.warning("ride_fare_already_recorded", rides=len(fares) - recorded)
    return recorded


def _columns(fares: Sequence[RideFare]) -> dict[str, list[object]]:
    """Return the entries, and two lines for each of them, column by column."""
    ids = [new_id() for _ in fares]
    lines = [
        line for entry, fare in zip(ids, fares, strict=True) for line in _lines_of(entry, fare)
    ]
    return {
        "id": [*ids],
        "kind": [JournalEntry.Kind.RIDE_FARE.value] * len(fares),
        "ride_completion": [fare.ride_completion for fare in fares],
        "customer": [fare.customer for fare in fares],
        "description": [fare.description for fare in fares],
        "occurred_at": [fare.occurred_at for fare in fares],
        "line_entry": [line[0] for line in lines],
        "line_account": [line[1] for line in lines],
        "line_customer": [line[2] for line in lines],
        "line_amount": [line[3] for line in lines],
        "line_currency": [line[4] for line in lines],
    }


def _lines_of(entry: UUID, fare: RideFare) -> tuple[tuple[UUID, str, str, Decimal, str], ...]:
    receivable = Posting.Account.CUSTOMER_RECEIVABLE.value
    revenue = Posting.Account.RIDE_REVENUE.value
    return (
        (entry, receivable, fare.customer, fare.fare, fare.currency),
        (entry, revenue, "", -fare.fare, fare.currency),
    )
