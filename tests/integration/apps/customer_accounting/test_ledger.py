"""The ledger refuses what would make it wrong, whoever writes to it and however."""

from __future__ import annotations

from uuid import UUID

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from apps.customer_accounting.models import JournalEntry, Posting
from wildrydes.models import new_id

pytestmark = pytest.mark.django_db

ENTRY = """
INSERT INTO customer_accounting_journalentry
    (id, kind, ride_completion, customer, description, occurred_at)
VALUES (%(entry)s, 'ride_fare', %(ride)s, 'cmr', 'By hand', now()) RETURNING id
"""
LINES = "INSERT INTO customer_accounting_posting (entry_id, account, customer, amount, currency)"
BALANCED = f"""
WITH entry AS ({ENTRY})
{LINES}
SELECT entry.id, account, customer, amount, 'EUR' FROM entry, (VALUES
    ('customer_receivable', 'cmr', 10.00), ('ride_revenue', '', -10.00)
) AS line (account, customer, amount)
"""


def execute(statement: str, **parameters: object) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, parameters)


@pytest.fixture
def entry() -> UUID:
    """Return a balanced entry that is in the books."""
    entry = new_id()
    execute(BALANCED, entry=entry, ride=new_id())
    return entry


def test_a_balanced_entry_is_taken_by_hand(entry: UUID) -> None:
    assert Posting.objects.filter(entry_id=entry).count() == 2


def test_an_entry_that_does_not_sum_to_zero_is_refused() -> None:
    off_by_a_cent = BALANCED.replace("-10.00", "-9.99")

    with pytest.raises(IntegrityError, match=r"out of balance by 0\.01 EUR"):
        execute(off_by_a_cent, entry=new_id(), ride=new_id())

    assert not JournalEntry.objects.exists()


def test_an_entry_that_balances_across_two_currencies_only_is_refused() -> None:
    mixed = BALANCED.replace("'EUR'", "CASE account WHEN 'ride_revenue' THEN 'USD' ELSE 'EUR' END")

    with pytest.raises(IntegrityError, match="out of balance"):
        execute(mixed, entry=new_id(), ride=new_id())


def test_an_entry_without_postings_is_refused() -> None:
    with pytest.raises(IntegrityError, match="has no postings"):
        execute(ENTRY, entry=new_id(), ride=new_id())


def test_one_unbalanced_entry_among_balanced_ones_is_refused(entry: UUID) -> None:
    with pytest.raises(IntegrityError):
        execute(
            f"{LINES} VALUES (%(entry)s, 'ride_revenue', 'a', 1, 'EUR'),"
            " (%(other)s, 'ride_revenue', 'b', -1, 'EUR')",
            entry=entry,
            other=new_id(),
        )


def test_balanced_postings_cannot_be_added_to_an_entry_that_has_some(entry: UUID) -> None:
    more = (
        f"{LINES} VALUES (%(entry)s, 'customer_receivable', 'eve', -5, 'EUR'),"
        " (%(entry)s, 'ride_revenue', 'eve', 5, 'EUR')"
    )

    with pytest.raises(IntegrityError, match="has postings already"):
        execute(more, entry=entry)


def test_postings_without_an_entry_are_refused() -> None:
    orphans = (
        f"{LINES} VALUES (%(entry)s, 'customer_receivable', 'cmr', 5, 'EUR'),"
        " (%(entry)s, 'ride_revenue', '', -5, 'EUR'); SET CONSTRAINTS ALL IMMEDIATE"
    )

    with pytest.raises(IntegrityError, match="foreign key"):
        execute(orphans, entry=new_id())


@pytest.mark.usefixtures("entry")
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE customer_accounting_posting SET amount = amount * 2",
        "UPDATE customer_accounting_journalentry SET customer = 'eve'",
        "DELETE FROM customer_accounting_posting",
        "DELETE FROM customer_accounting_journalentry",
    ],
)
def test_what_is_in_the_books_is_neither_changed_nor_deleted(statement: str) -> None:
    with pytest.raises(DatabaseError, match="append-only"):
        execute(statement)


def test_a_second_fare_for_the_same_ride_is_refused(entry: UUID) -> None:
    ride = JournalEntry.objects.get(id=entry).ride_completion

    with pytest.raises(IntegrityError, match="customer_accounting_entry_once"):
        execute(BALANCED, entry=new_id(), ride=ride)


@pytest.mark.django_db(transaction=True)
def test_tests_may_truncate_the_books(entry: UUID) -> None:
    execute("TRUNCATE customer_accounting_posting, customer_accounting_journalentry")

    assert not JournalEntry.objects.filter(id=entry).exists()
