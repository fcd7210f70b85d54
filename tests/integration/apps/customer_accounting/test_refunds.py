"""A refund gives back what was paid, never more, whoever asks at once."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from functools import partial
from uuid import UUID

import pytest

from apps.customer_accounting import queries
from apps.customer_accounting.messages import ReverseCredit, ReverseRefund
from apps.customer_accounting.models import JournalEntry
from apps.customer_accounting.subscriptions import (
    credit_payment,
    record_refund,
    reverse_credit,
    reverse_refund,
)
from wildrydes.envelope import Envelope
from wildrydes.outgoing import Body

from .conftest import balances, credit, refund
from .test_payments import together

pytestmark = pytest.mark.django_db

Command = Callable[[Body], Envelope]


@pytest.fixture
def payment(ride: UUID, commanded: Command) -> str:
    """Return the reference of a payment of 256.50 that is in the books."""
    body = credit(ride)
    credit_payment([commanded(body)])
    return body.reference


def test_a_refund_comes_out_of_the_clearing_account(payment: str, commanded: Command) -> None:
    (answer,) = record_refund([commanded(refund(payment))])

    entry = JournalEntry.objects.get(kind="refund")
    assert answer is not None
    assert answer.data == {"entry": str(entry.id)}
    assert entry.refers_to == JournalEntry.objects.get(kind="payment")
    assert balances() == {
        "payment_clearing": Decimal("156.50"),
        "ride_revenue": Decimal("-156.50"),
    }


def test_refunds_together_are_at_most_what_was_paid(payment: str, commanded: Command) -> None:
    wanted = [refund(payment), refund(payment), refund(payment)]

    answers = record_refund([commanded(body) for body in wanted])

    assert [answer and answer.outcome for answer in answers] == ["answered", "answered", "declined"]
    last = record_refund([commanded(refund(payment, amount=Decimal("56.51")))])[0]
    assert last is not None
    assert last.reason == "56.50 EUR are left of the payment, no more"
    assert record_refund([commanded(wanted[0])])[0] == answers[0]


def test_a_refund_that_is_taken_back_may_be_given_anew(payment: str, commanded: Command) -> None:
    whole = refund(payment, amount=Decimal("256.50"))
    record_refund([commanded(whole)])

    reverse_refund([commanded(ReverseRefund(reference=whole.reference))] * 2)

    assert balances()["payment_clearing"] == Decimal("256.50")
    (again,) = record_refund([commanded(whole)])
    assert again is not None
    assert again.reason == "the refund was taken back"
    (other,) = record_refund([commanded(refund(payment, amount=Decimal("256.50")))])
    assert other is not None
    assert other.outcome == "answered"


def test_a_refund_that_was_taken_back_before_it_came_is_never_entered(
    payment: str, commanded: Command
) -> None:
    early = refund(payment)
    reverse_refund([commanded(ReverseRefund(reference=early.reference))])

    (answer,) = record_refund([commanded(early)])

    assert answer is not None
    assert answer.outcome == "declined"
    assert not JournalEntry.objects.filter(kind="refund").exists()


def test_nothing_is_given_back_of_a_payment_that_is_not_there_or_not_theirs(
    payment: str, commanded: Command
) -> None:
    nothing = commanded(refund("unknown"))
    not_theirs = commanded(refund(payment, customer="eve"))
    assert [answer and answer.reason for answer in record_refund([nothing, not_theirs])] == [
        "there is no such payment in the books"
    ] * 2

    reverse_credit([commanded(ReverseCredit(reference=payment))])
    (answer,) = record_refund([commanded(refund(payment))])
    assert answer is not None
    assert answer.outcome == "declined"


def test_a_payment_of_which_a_part_was_given_back_is_not_taken_back_whole(
    payment: str, commanded: Command
) -> None:
    given = refund(payment)
    record_refund([commanded(given)])
    before = balances()

    (answer,) = reverse_credit([commanded(ReverseCredit(reference=payment))])

    assert answer is not None
    assert (answer.outcome, answer.reason) == (
        "declined",
        "a part of the payment was given back",
    )
    assert balances() == before
    reverse_refund([commanded(ReverseRefund(reference=given.reference))])
    (again,) = reverse_credit([commanded(ReverseCredit(reference=payment))])
    assert again is not None
    assert again.outcome == "answered"
    assert balances().get("payment_clearing", 0) == 0


def test_the_statement_shows_the_refund_and_that_nothing_is_owed_by_it(
    payment: str, ride: UUID, commanded: Command
) -> None:
    record_refund([commanded(refund(payment))])

    page = queries.statement(customer="cmr", currency="EUR", limit=1)

    (line,) = page.lines
    assert (line.ride_completion, line.kind, line.amount, line.balance) == (
        ride,
        "refund",
        Decimal("0.00"),
        Decimal("0.00"),
    )
    assert line.description == "Refund of 100.00 EUR to your card"
    assert line.receivable == "settled"


@pytest.mark.django_db(transaction=True)
def test_refunds_that_come_at_once_are_at_most_what_was_paid(
    payment: str, commanded: Command
) -> None:
    wanted = [commanded(refund(payment)) for _ in range(4)]

    together(*(partial(record_refund, [command]) for command in wanted))

    assert JournalEntry.objects.filter(kind="refund").count() == 2
    assert balances()["payment_clearing"] == Decimal("56.50")
