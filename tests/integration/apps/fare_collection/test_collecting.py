"""A fare is collected, or nothing is kept of it; in each case every book says the same."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from apps.customer_accounting.models import JournalEntry
from apps.fare_collection import queries
from apps.fare_collection.messages import MarkFailed, RegisterFare
from apps.fare_collection.models import FareCollection
from apps.fare_collection.operations import collecting
from wildrydes import saga
from wildrydes.models import Message, Saga, new_id

from .conftest import NOON, Town

GiveCard = Callable[..., None]

OWED = {"customer_receivable": Decimal("256.50"), "ride_revenue": Decimal("-256.50")}
PAID = {"payment_clearing": Decimal("256.50"), "ride_revenue": Decimal("-256.50")}


def steps_of(collection: FareCollection) -> dict[str, str]:
    story = queries.standing(collection).story
    assert story is not None
    return {step.name: step.status for step in story.steps}


def test_a_fare_is_authorised_captured_credited_and_told_of(town: Town, card: GiveCard) -> None:
    card()

    collection = town.collect()

    assert (collection.status, collection.card) == ("collected", "•••• 4242")
    assert town.moved(collection) == ["authorised", "captured"]
    assert town.charged(collection) == Decimal("256.50")
    assert town.books() == PAID
    (event,) = town.told("v1.fare.collected")
    assert (event["collection"], event["amount"]) == (str(collection.id), 256.5)
    assert set(steps_of(collection).values()) == {"succeeded"}


def test_a_card_that_declines_leaves_nothing_but_the_debt(town: Town, card: GiveCard) -> None:
    card("pm_card_chargeDeclinedInsufficientFunds")

    collection = town.collect()

    assert (collection.status, collection.failed_step) == ("failed", "authorise")
    assert collection.reason == "your card has insufficient funds (insufficient_funds)"
    assert town.charged(collection) == 0
    assert "captured" not in town.moved(collection)
    assert town.books() == OWED
    (event,) = town.told("v1.fare.failed")
    assert (event["step"], event["given_back"]) == ("authorise", False)


def test_without_a_card_nothing_can_be_collected(town: Town) -> None:
    collection = town.collect()

    assert (collection.status, collection.failed_step) == ("failed", "authorise")
    assert town.books() == OWED


def test_a_capture_that_fails_releases_what_was_held(town: Town, card: GiveCard) -> None:
    card("pm_sandbox_captureDeclined")

    collection = town.collect()

    assert (collection.status, collection.failed_step) == ("failed", "capture")
    assert town.moved(collection) == ["authorised", "released"]
    assert town.books() == OWED
    assert steps_of(collection)["authorise"] == "compensated"


def test_what_cannot_be_credited_is_given_back(town: Town, card: GiveCard) -> None:
    card()
    town.close_account()

    collection = town.collect()

    assert (collection.status, collection.failed_step) == ("failed", "credit")
    assert collection.reason == "the account of cmr is closed"
    assert town.moved(collection) == ["authorised", "captured", "refunded"]
    assert town.charged(collection) == 0
    assert town.books() == OWED
    (event,) = town.told("v1.fare.failed")
    assert event["given_back"] is True


def test_a_refund_that_fails_waits_for_a_person_and_goes_on_then(
    town: Town, card: GiveCard
) -> None:
    card("pm_sandbox_refundFails")
    town.close_account()

    collection = town.collect()

    standing = queries.standing(collection)
    assert (standing.status, standing.failed_step) == ("stuck", "capture")
    assert town.charged(collection) == Decimal("256.50")
    (event,) = town.told("v1.fare-collection.stuck")
    assert (event["collection"], event["step"]) == (str(collection.id), "capture")
    assert town.told("v1.fare.failed") == []

    town.sandbox.control(rules=[{"token": "pm_sandbox_refundFails", "behaviour": "ok"}])
    saga.retry(collection.id, by="olga", reason="The provider says that it works again.")
    town.run()

    collection.refresh_from_db()
    assert (collection.status, collection.failed_step) == ("failed", "credit")
    assert town.charged(collection) == 0
    assert town.books() == OWED


def test_a_free_ride_is_collected_without_the_provider(town: Town) -> None:
    collection = town.collect(fare="0")

    assert (collection.status, collection.card) == ("collected", "")
    assert town.moved(collection) == []
    assert steps_of(collection)["capture"] == "skipped"


def test_the_same_ride_completed_twice_is_charged_once(town: Town, card: GiveCard) -> None:
    card()
    ride = new_id()

    town.complete(ride, ride)
    town.run()
    collection = town.collect(ride)

    assert Saga.objects.count() == 1
    assert town.moved(collection) == ["authorised", "captured"]
    assert len(town.told("v1.fare.collected")) == 1
    assert town.books() == PAID


def test_many_fares_travel_together_and_one_that_fails_touches_no_other(
    town: Town, card: GiveCard
) -> None:
    card()
    card("pm_card_chargeDeclined", customer="thandi")
    rides = town.complete(*(new_id() for _ in range(20)))
    town.complete(customer="thandi")

    town.run()

    statuses = list(FareCollection.objects.values_list("customer", "status"))
    assert statuses.count(("cmr", "collected")) == 20
    assert statuses.count(("thandi", "failed")) == 1
    assert town.books()["payment_clearing"] == Decimal("256.50") * len(rides)
    assert JournalEntry.objects.filter(kind="payment").count() == 20


@pytest.mark.parametrize("token", ["pm_sandbox_500then200", "pm_sandbox_answersTwice"])
def test_a_provider_that_stumbles_charges_once(token: str, town: Town, card: GiveCard) -> None:
    card(token)

    collection = town.collect()

    assert collection.status == "collected"
    assert town.charged(collection) == Decimal("256.50")
    assert town.moved(collection).count("captured") == 1
    assert town.books() == PAID


def test_a_fare_that_is_registered_after_it_failed_stays_failed(db: None) -> None:
    fare = {
        "collection": new_id(),
        "ride_completion": new_id(),
        "ride": None,
        "customer": "cmr",
        "origin": "Berlin",
        "destination": "Frankfurt",
        "amount": Decimal("256.50"),
        "currency": "EUR",
    }
    mark = MarkFailed(**fare, step="register", reason="no answer in time", given_back=False)
    collecting.mark_failed(failed=[mark, mark], now=NOON)

    assert collecting.register(fares=[RegisterFare(**fare)], now=NOON) == [""]
    assert FareCollection.objects.get().status == "failed"
    collecting.mark_failed(failed=[mark], now=NOON)

    assert Message.objects.filter(type="v1.fare.failed").count() == 1
    other = RegisterFare(**{**fare, "collection": new_id()})
    assert collecting.register(fares=[other], now=NOON) == [
        f"the ride's fare is that of collection {fare['collection']}"
    ]
