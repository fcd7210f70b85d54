"""Staff give back what was collected: never more, and never without the ledger."""

from __future__ import annotations

import threading
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from apps.customer_payment.operations import returning
from apps.fare_collection import queries
from apps.fare_collection.models import FareCollection, FareRefund
from apps.fare_collection.operations import refunding
from wildrydes.dead_letters import operations
from wildrydes.errors import Reject
from wildrydes.models import DeadLetter, OperatorAction, Receipt

from .conftest import NOON, Town

GiveCard = Callable[..., None]


@pytest.fixture
def collected(town: Town, card: GiveCard) -> FareCollection:
    """Return a fare of 256.50 that was collected."""
    card()
    return town.collect()


def ask(collection: FareCollection, amount: str | None = None) -> FareRefund:
    return refunding.ask(
        collection_id=collection.id,
        amount=Decimal(amount) if amount else None,
        why="The unicorn took a detour.",
        by="olga",
        now=NOON,
    )


def test_a_part_is_given_back_and_then_the_rest(town: Town, collected: FareCollection) -> None:
    ask(collected, "100.00")
    collected.refresh_from_db()
    assert (collected.status, collected.in_refund) == ("refunding", Decimal("100.00"))
    town.run()

    collected.refresh_from_db()
    assert (collected.status, collected.refunded) == ("collected", Decimal("100.00"))
    assert town.books()["payment_clearing"] == town.charged(collected) == Decimal("156.50")

    rest = ask(collected)
    town.run()

    collected.refresh_from_db()
    assert (collected.status, collected.refunded) == ("refunded", Decimal("256.50"))
    assert rest.amount == Decimal("156.50")
    assert town.charged(collected) == 0
    assert town.books() == {}
    told = [(event["amount"], event["card"]) for event in town.told("v1.fare.refunded")]
    assert told == [(100, "•••• 4242"), (156.5, "•••• 4242")]
    assert OperatorAction.objects.filter(by="olga", action="refund_fare").count() == 2


def test_more_than_is_left_is_refused(collected: FareCollection) -> None:
    ask(collected, "200.00")

    with pytest.raises(refunding.TooMuchError, match=r"56\.50 EUR are left"):
        ask(collected, "56.51")
    ask(collected, "56.50")
    with pytest.raises(refunding.NothingToRefundError):
        ask(collected)


def test_what_was_not_collected_is_not_given_back(town: Town) -> None:
    failed = town.collect()

    with pytest.raises(refunding.NothingToRefundError):
        ask(failed)


def test_refunds_that_are_asked_for_at_once_are_no_more_than_the_fare(
    town: Town, collected: FareCollection
) -> None:
    barrier, outcomes = threading.Barrier(4), []

    def want() -> None:
        try:
            barrier.wait(timeout=20)
            ask(collected, "100.00")
            outcomes.append("yes")
        except refunding.TooMuchError:
            outcomes.append("no")
        finally:
            connection.close()

    threads = [threading.Thread(target=want) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    town.run()

    assert sorted(outcomes) == ["no", "no", "yes", "yes"]
    assert town.charged(collected) == town.books()["payment_clearing"] == Decimal("56.50")


def test_the_database_itself_keeps_refunds_below_the_fare(collected: FareCollection) -> None:
    with pytest.raises(IntegrityError, match="no_more_than_the_fare"), transaction.atomic():
        FareCollection.objects.update(refunded=Decimal("200"), in_refund=Decimal("56.51"))
    with pytest.raises(IntegrityError, match="of_the_collected_only"), transaction.atomic():
        FareCollection.objects.update(status="failed", refunded=1)


def test_a_refund_that_the_provider_refuses_is_taken_out_of_the_ledger_again(
    town: Town, card: GiveCard
) -> None:
    card("pm_sandbox_refundFails")
    collection = town.collect()

    refund = ask(collection)
    town.run()

    refund.refresh_from_db()
    collection.refresh_from_db()
    assert (refund.status, refund.failed_step) == ("failed", "refund")
    assert (collection.status, collection.in_refund) == ("collected", Decimal("0.00"))
    assert town.books()["payment_clearing"] == town.charged(collection) == Decimal("256.50")
    assert town.told("v1.fare.refunded") == []
    story = queries.standing(refund).story
    assert story is not None
    assert [(step.name, step.status) for step in story.steps] == [
        ("register", "compensated"),
        ("record", "compensated"),
        ("refund", "refused"),
        ("mark_refunded", "pending"),
    ]

    town.sandbox.control(rules=[{"token": "pm_sandbox_refundFails", "behaviour": "ok"}])
    ask(collection)
    town.run()
    assert town.charged(collection) == 0
    assert town.books() == {}


def test_an_attempt_that_was_put_aside_gives_nothing_back_when_another_was_refused(
    town: Town, card: GiveCard, monkeypatch: pytest.MonkeyPatch
) -> None:
    card("pm_sandbox_refundFails")
    collection = town.collect()
    with monkeypatch.context() as patched:
        patched.setattr(returning, "refund", put_aside(then=returning.refund))
        refund = ask(collection)
        town.run()
    refund.refresh_from_db()
    assert (refund.status, refund.failed_step) == ("failed", "refund")

    town.sandbox.control(rules=[{"token": "pm_sandbox_refundFails", "behaviour": "ok"}])
    letter = DeadLetter.objects.get(subscription="customer_payment.refund")
    operations.redrive(ids=[letter.pk], by="olga")
    town.run()

    assert Receipt.objects.get(id=letter.pk).status == "done"
    assert town.books()["payment_clearing"] == town.charged(collection) == Decimal("256.50")


def put_aside(*, then: Callable[..., Any]) -> Callable[..., Any]:
    """Return what has the first command put aside, and does as it should with all that follow."""
    verdicts = [Reject("not today")]

    def refund(**given: Any) -> Any:
        if verdicts:
            raise verdicts.pop()
        return then(**given)

    return refund
