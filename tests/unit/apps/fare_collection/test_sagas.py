"""Collecting a fare and giving it back, as dialogues with the participants."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from apps.fare_collection.sagas import OUTSIDE, collect, refund
from wildrydes.answering import answered
from wildrydes.saga.testing import Dialogue, given

FARE: dict[str, Any] = {
    "ride_completion": str(UUID(int=7)),
    "ride": None,
    "customer": "cmr",
    "from": "Berlin",
    "to": "Frankfurt",
    "amount": 256.5,
    "currency": "EUR",
}
REFUND = {**FARE, "amount": 56.5, "collection": str(UUID(int=8))}
CARD = answered({"card": "•••• 4242"})


def authorised() -> Dialogue:
    return given(collect, FARE).expect("register").reply().expect("authorise").reply(CARD)


def captured() -> Dialogue:
    return authorised().expect("capture").reply()


def recorded() -> Dialogue:
    return (
        given(refund, REFUND, key=str(UUID(int=9)))
        .expect("register")
        .reply()
        .expect("record")
        .reply()
    )


def test_a_fare_is_authorised_captured_credited_and_marked() -> None:
    dialogue = captured().expect("credit").reply().expect("mark_collected")
    dialogue.reply().ends("completed")


def test_a_ride_that_costs_nothing_asks_nobody_for_money() -> None:
    dialogue = given(collect, {**FARE, "amount": 0}).expect("register").reply()
    dialogue.expect("mark_collected").reply().ends("completed")


def test_a_card_that_is_refused_has_only_the_fare_marked_as_failed() -> None:
    dialogue = given(collect, FARE).expect("register").reply().expect("authorise")
    dialogue.refuse("your card was declined").expect_compensation("register").reply()
    dialogue.ends("compensated", because="your card was declined")


def test_what_is_authorised_and_cannot_be_captured_is_released() -> None:
    dialogue = authorised().expect("capture").refuse("the card has expired")
    dialogue.expect_compensation("authorise").reply().expect_compensation("register").reply()
    dialogue.ends("compensated", because="the card has expired")


def test_an_authorisation_that_is_never_answered_is_released_all_the_same() -> None:
    dialogue = given(collect, FARE).expect("register").reply().expect("authorise").time_out()
    dialogue.expect_compensation("authorise").reply().expect_compensation("register").reply()
    dialogue.ends("compensated")


def test_what_cannot_be_credited_is_given_back() -> None:
    dialogue = captured().expect("credit").refuse("the account of cmr is closed")
    dialogue.expect_compensation("capture").reply().expect_compensation("authorise").reply()
    dialogue.expect_compensation("register").reply()
    dialogue.ends("compensated", because="the account of cmr is closed")


def test_a_refund_is_recorded_before_the_money_is_given_back() -> None:
    dialogue = recorded().expect("refund", data={"reference": str(UUID(int=8)), "amount": "56.50"})
    dialogue.reply().expect("mark_refunded").reply().ends("completed")


def test_a_refund_that_the_provider_refuses_is_taken_out_of_the_books() -> None:
    dialogue = recorded().expect("refund").refuse("the charge is disputed")
    dialogue.expect_compensation("record").reply().expect_compensation("register").reply()
    dialogue.ends("compensated", because="the charge is disputed")


def test_money_that_was_given_back_stays_in_the_books_of_a_saga_that_is_turned_round() -> None:
    dialogue = recorded().expect("refund").reply().expect("mark_refunded").refuse("not today")
    dialogue.is_stuck("mark_refunded").operate("force_back")
    dialogue.expect_compensation("register", data={"refund": str(UUID(int=9))}).reply()
    assert dialogue.state.steps["record"].reason == "there is nothing to undo"
    dialogue.ends("compensated")


def test_the_books_are_kept_while_nobody_knows_whether_money_was_given_back() -> None:
    dialogue = recorded()
    for _ in range(OUTSIDE.max_attempts):
        dialogue.expect("refund").time_out()
    dialogue.is_stuck("refund").refuses("force_back", because="'refund' may have been done")
    dialogue.operate("retry").expect("refund").refuse("the charge is disputed")
    dialogue.expect_compensation("record").reply().expect_compensation("register").reply()
    dialogue.ends("compensated", because="the charge is disputed")
