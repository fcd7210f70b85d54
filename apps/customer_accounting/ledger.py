"""The journal as it is written: entries with their lines, many in one statement, each once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from django.db import connection

from wildrydes.models import new_id

# One statement: the database wants to see an entry and all of its postings at once, and the
# entries that are there already (and so are not returned by the first part) get no postings.
# The order of insertion is that of the unique key, so that two batches cannot deadlock.
ENTER = """
WITH entry AS (
    INSERT INTO customer_accounting_journalentry
        (id, kind, ride_completion, reference, refers_to_id, customer, description, occurred_at)
    SELECT * FROM unnest(
        %(id)s::uuid[], %(kind)s::text[], %(ride_completion)s::uuid[], %(reference)s::text[],
        %(refers_to)s::uuid[], %(customer)s::text[], %(description)s::text[],
        %(occurred_at)s::timestamptz[]
    ) AS new (
        id, kind, ride_completion, reference, refers_to, customer, description, occurred_at
    )
    ORDER BY ride_completion, kind, reference
    ON CONFLICT DO NOTHING
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

LOCK = """
SELECT pg_advisory_xact_lock(key) FROM (
    SELECT DISTINCT hashtextextended('customer_accounting ' || name, 0) AS key
    FROM unnest(%s::text[]) AS name ORDER BY key
) AS keys
"""


class Line(NamedTuple):
    """One line of an entry: a debit is positive, a credit negative."""

    account: str
    amount: Decimal
    currency: str
    customer: str = ""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One fact for the books, as `JournalEntry` describes it, with its lines."""

    kind: str
    ride_completion: UUID
    customer: str
    description: str
    occurred_at: datetime
    lines: tuple[Line, ...]
    reference: str = ""
    refers_to: UUID | None = None
    id: UUID = field(default_factory=new_id)


def enter(entries: Sequence[Entry]) -> frozenset[UUID]:
    """Enter what is not in the books yet, in one statement; return the ids of what is new."""
    if not entries:
        return frozenset()
    with connection.cursor() as cursor:
        cursor.execute(ENTER, _columns(entries))
        return frozenset(row[0] for row in cursor.fetchall())


def lock(names: Iterable[str]) -> None:
    """Make whoever locks one of these names wait until this transaction has ended.

    Lock once in a transaction, with all names: two that lock some of the same cannot deadlock then.
    """
    with connection.cursor() as cursor:
        cursor.execute(LOCK, [list(names)])


def _columns(entries: Sequence[Entry]) -> dict[str, list[object]]:
    lines = [(entry.id, line) for entry in entries for line in entry.lines]
    return {
        "id": [entry.id for entry in entries],
        "kind": [str(entry.kind) for entry in entries],
        "ride_completion": [entry.ride_completion for entry in entries],
        "reference": [entry.reference for entry in entries],
        "refers_to": [entry.refers_to for entry in entries],
        "customer": [entry.customer for entry in entries],
        "description": [entry.description for entry in entries],
        "occurred_at": [entry.occurred_at for entry in entries],
        "line_entry": [entry for entry, _ in lines],
        "line_account": [str(line.account) for _, line in lines],
        "line_customer": [line.customer for _, line in lines],
        "line_amount": [line.amount for _, line in lines],
        "line_currency": [line.currency for _, line in lines],
    }
