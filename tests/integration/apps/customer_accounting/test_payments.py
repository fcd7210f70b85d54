"""A payment is entered once, for what is owed, and taken back by a further entry."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import pytest
from django.db import connection, transaction

from apps.customer_accounting import operations, queries
from apps.customer_accounting.messages import CreditPayment, ReverseCredit
from apps.customer_accounting.models import CustomerAccount, JournalEntry
from apps.customer_accounting.subscriptions import credit_payment, record_fare, reverse_credit
from wildrydes.envelope import Envelope
from wildrydes.errors import Retry
from wildrydes.models import OperatorAction, new_id
from wildrydes.outgoing import Body
from wildrydes.scatter_gather import Answer

from .conftest import balances, credit

pytestmark = pytest.mark.django_db

Command = Callable[[Body], Envelope]
Make = Callable[..., Envelope]

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def pay(commanded: Command) -> Callable[[CreditPayment], Answer]:
    """Return what commands a payment, and returns the answer."""

    def pay(body: CreditPayment) -> Answer:
        (answer,) = credit_payment([commanded(body)])
        assert answer is not None
        return answer

    return pay


@pytest.fixture
def take_back(commanded: Command) -> Callable[[str], Answer]:
    """Return what takes a payment back, and returns the answer."""

    def take_back(reference: str) -> Answer:
        (answer,) = reverse_credit([commanded(ReverseCredit(reference=reference))])
        assert answer is not None
        return answer

    return take_back


Pay = Callable[[CreditPayment], Answer]
TakeBack = Callable[[str], Answer]


def status_of(ride: UUID) -> str:
    return queries.receivables(rides=[ride])[ride].status


def test_a_payment_settles_the_ride(ride: UUID, pay: Pay) -> None:
    assert status_of(ride) == "open"

    answer = pay(credit(ride))

    assert answer.outcome == "answered"
    assert answer.data == {"entry": str(JournalEntry.objects.get(kind="payment").id)}
    assert balances() == {
        "payment_clearing": Decimal("256.50"),
        "ride_revenue": Decimal("-256.50"),
    }
    assert status_of(ride) == "settled"


def test_the_same_payment_again_gives_the_same_answer_and_changes_nothing(
    ride: UUID, pay: Pay, commanded: Command
) -> None:
    payment = credit(ride)
    first = pay(payment)

    assert pay(payment) == first
    assert credit_payment([commanded(payment)] * 2) == [first, first]
    assert JournalEntry.objects.filter(kind="payment").count() == 1


def test_a_payment_that_comes_twice_at_once_is_entered_once(ride: UUID, commanded: Command) -> None:
    payment = credit(ride)

    first, second = credit_payment([commanded(payment), commanded(payment)])

    assert first == second
    assert JournalEntry.objects.filter(kind="payment").count() == 1


def test_more_than_is_owed_is_refused(ride: UUID, pay: Pay) -> None:
    answer = pay(credit(ride, amount=Decimal("256.51")))

    assert (answer.outcome, answer.reason) == (
        "declined",
        "256.50 EUR are owed for the ride, no more",
    )


def test_a_second_payment_of_the_same_ride_is_refused(
    ride: UUID, pay: Pay, commanded: Command
) -> None:
    answers = credit_payment([commanded(credit(ride)), commanded(credit(ride))])

    assert [answer and answer.outcome for answer in answers] == ["answered", "declined"]
    assert pay(credit(ride)).outcome == "declined"
    assert balances()["payment_clearing"] == Decimal("256.50")


@pytest.mark.parametrize("change", [{"customer": "eve"}, {"currency": "USD"}])
def test_another_customers_ride_or_another_currency_is_refused(
    change: dict[str, str], ride: UUID, pay: Pay
) -> None:
    assert pay(credit(ride, **change)).reason == "the ride is owed for by cmr, in EUR"


def test_a_payment_before_its_fare_waits_and_is_entered_then(
    ride_completed: Make, pay: Pay
) -> None:
    ride = new_id()
    payment = credit(ride)

    with pytest.raises(Retry, match="not in the books yet"), transaction.atomic():
        pay(payment)

    record_fare([ride_completed(ride_completion=ride)])
    assert pay(payment).outcome == "answered"


def test_a_closed_account_takes_no_payment_until_it_is_open_again(ride: UUID, pay: Pay) -> None:
    account = CustomerAccount(customer="cmr", is_closed=True, reason="A legal hold.")
    operations.change_account(account=account, by="olga")

    answer = pay(credit(ride))
    assert (answer.outcome, answer.reason) == ("declined", "the account of cmr is closed")
    assert status_of(ride) == "open"

    account.is_closed = False
    operations.change_account(account=account, by="olga")
    assert pay(credit(ride)).outcome == "answered"
    closed, opened = OperatorAction.objects.order_by("id").values_list("by", "detail")
    assert closed == ("olga", {"customer": "cmr", "closed": True, "reason": "A legal hold."})
    assert opened[1]["closed"] is False


def test_a_payment_is_taken_back_by_an_entry_of_its_own(
    ride: UUID, pay: Pay, take_back: TakeBack
) -> None:
    payment = credit(ride)
    pay(payment)

    answer = take_back(payment.reference)

    reversal = JournalEntry.objects.get(kind="payment_reversal")
    assert answer.data == {"entry": str(reversal.id)}
    assert reversal.refers_to == JournalEntry.objects.get(kind="payment")
    assert status_of(ride) == "open"
    assert balances() == {
        "customer_receivable": Decimal("256.50"),
        "ride_revenue": Decimal("-256.50"),
    }
    assert take_back(payment.reference) == answer
    assert JournalEntry.objects.filter(kind="payment_reversal").count() == 1


def test_a_payment_that_was_taken_back_before_it_came_is_never_entered(
    ride: UUID, pay: Pay, take_back: TakeBack
) -> None:
    payment = credit(ride)

    answer = take_back(payment.reference)
    assert (answer.outcome, answer.data) == ("answered", {})

    late = pay(payment)
    assert (late.outcome, late.reason) == ("declined", "the payment was taken back")
    assert not JournalEntry.objects.filter(kind="payment").exists()


def test_a_payment_that_was_taken_back_does_not_come_again(
    ride: UUID, pay: Pay, take_back: TakeBack
) -> None:
    payment = credit(ride)
    pay(payment)
    take_back(payment.reference)

    assert pay(payment).outcome == "declined"
    assert pay(credit(ride)).outcome == "answered"


def test_the_statement_shows_payments_and_how_each_ride_stands(
    ride: UUID, pay: Pay, take_back: TakeBack
) -> None:
    payment = credit(ride)
    pay(payment)
    take_back(payment.reference)
    pay(credit(ride, amount=Decimal("56.50")))

    page = queries.statement(customer="cmr", currency="EUR", limit=10)

    assert [(line.kind, line.amount, line.balance) for line in page.lines] == [
        ("payment", Decimal("-56.50"), Decimal("200.00")),
        ("payment_reversal", Decimal("256.50"), Decimal("256.50")),
        ("payment", Decimal("-256.50"), Decimal("0.00")),
        ("ride_fare", Decimal("256.50"), Decimal("256.50")),
    ]
    assert {line.receivable for line in page.lines} == {"open"}


def test_what_is_written_off_is_owed_no_more_and_cannot_be_paid(ride: UUID, pay: Pay) -> None:
    operations.write_off(ride_completion=ride, by="olga", now=NOW)

    assert status_of(ride) == "written_off"
    assert balances() == {"bad_debt": Decimal("256.50"), "ride_revenue": Decimal("-256.50")}
    assert pay(credit(ride)).outcome == "declined"
    assert OperatorAction.objects.get().action == "write_off"
    with pytest.raises(operations.NothingOwedError):
        operations.write_off(ride_completion=ride, by="olga", now=NOW)


@pytest.mark.django_db(transaction=True)
def test_a_payment_and_its_withdrawal_at_once_leave_nothing_owed_wrongly(
    ride: UUID, commanded: Command
) -> None:
    for _ in range(5):
        payment = credit(ride)
        together(
            lambda payment=payment: credit_payment([commanded(payment)]),
            lambda payment=payment: reverse_credit(
                [commanded(ReverseCredit(reference=payment.reference))]
            ),
        )
        assert status_of(ride) == "open"
        assert "payment_clearing" not in balances()


@pytest.mark.django_db(transaction=True)
def test_two_payments_of_the_same_ride_at_once_are_not_both_entered(
    ride: UUID, commanded: Command
) -> None:
    first, second = credit(ride), credit(ride)

    together(
        lambda: credit_payment([commanded(first)]), lambda: credit_payment([commanded(second)])
    )

    assert JournalEntry.objects.filter(kind="payment").count() == 1


def together(*calls: Callable[[], object]) -> None:
    """Run the calls at once, each in a transaction of its own."""
    barrier = threading.Barrier(len(calls))

    def run(call: Callable[[], object]) -> None:
        try:
            with transaction.atomic():
                barrier.wait(timeout=20)
                call()
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[call]) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
