"""What services say to each other is kept here, letter by letter.

A golden file is never edited: messages of that version are in the log, in queues and in other
services' code. What has to change is a new version of the type, beside the old one.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from apps.customer_accounting.messages import (
    CreditPayment,
    RecordRefund,
    ReverseCredit,
    ReverseRefund,
)
from apps.customer_notification.messages import SendEmail
from apps.customer_payment.messages import (
    AuthorisePayment,
    CapturePayment,
    RefundPayment,
    ReleasePayment,
)
from apps.datalake_ingestion.messages import (
    ClearLakeFile,
    CompactLake,
    MergeLakeFile,
    WriteLakeFile,
)
from apps.fare_collection.messages import (
    FareCollected,
    FareCollectionStuck,
    FareFailed,
    FareRefunded,
    MarkCollected,
    MarkFailed,
    MarkRefunded,
    MarkRefundFailed,
    RegisterFare,
    RegisterRefund,
)
from apps.identity.messages import CustomerRegistered
from apps.ride_booking.messages import (
    BookPrebookedRide,
    GatheredQuote,
    PrebookedRideBooked,
    PrebookedRideMissed,
    QuotesGathered,
    QuotesRequested,
    RequestInstantRide,
    RideBooked,
    RideCancelled,
    RideFinished,
    RideStarted,
)
from apps.ride_prebooking.messages import (
    DispatchPrebooking,
    PrebookingCancelled,
    PrebookingDispatched,
    PrebookingRejected,
    PrebookingSubmitted,
    PrebookingUnfulfilled,
    RidePrebooked,
    SubmitPrebooking,
)
from apps.unicorn_management.messages import GiveQuote, RideCompleted
from config.topology import TOPOLOGY

GOLDEN = Path(__file__).parent / "golden"

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
RFQ = UUID("01990000-0000-7000-8000-000000000004")
RIDE = UUID("01990000-0000-7000-8000-000000000005")
COLLECTION = UUID("01990000-0000-7000-8000-000000000006")
REFUND = UUID("01990000-0000-7000-8000-000000000007")
FARE: dict[str, Any] = {
    "ride_completion": UUID("01990000-0000-7000-8000-000000000001"),
    "ride": str(RIDE),
    "customer": "cmr",
    "origin": "Berlin",
    "destination": "Frankfurt",
    "amount": Decimal("256.50"),
    "currency": "EUR",
}
PREBOOKED: dict[str, Any] = {
    "prebooking": UUID("01990000-0000-7000-8000-000000000008"),
    "customer": "cmr",
    "origin": "Frankfurt",
    "destination": "Las Vegas",
    "ride_at": NOON + timedelta(days=1),
    "campaign": "spring",
    "price_limit": Decimal("60.50"),
}
PAYMENT = "01990000-0000-7000-8000-000000000006"

MESSAGES: list[Any] = [
    RideCompleted(
        ride_completion=UUID("01990000-0000-7000-8000-000000000001"),
        ride=None,
        origin="Berlin",
        destination="Frankfurt",
        duration=420.0,
        distance=600.5,
        customer="cmr",
        fare=Decimal("256.50"),
        currency="EUR",
        fleet="north",
        completed_at=datetime(2026, 3, 1, 12, 0, tzinfo=UTC),
    ),
    CustomerRegistered(customer="cmr", email="cmr@example.org", name="Carla"),
    SendEmail(notification=UUID("01990000-0000-7000-8000-000000000002")),
    WriteLakeFile(lake_file=UUID("01990000-0000-7000-8000-000000000003")),
    CompactLake(due_at=NOON),
    MergeLakeFile(lake_file=UUID("01990000-0000-7000-8000-000000000003")),
    ClearLakeFile(lake_file=UUID("01990000-0000-7000-8000-000000000003")),
    QuotesRequested(
        rfq=RFQ,
        origin="Frankfurt",
        destination="Las Vegas",
        customer="cmr",
        requested_at=NOON,
        deadline_at=NOON + timedelta(seconds=10),
    ),
    QuotesGathered(
        rfq=RFQ,
        origin="Frankfurt",
        destination="Las Vegas",
        customer="cmr",
        closed_because="deadline",
        quotes=(
            GatheredQuote(responder="winelands", quote=Decimal("12.50"), currency="EUR"),
            GatheredQuote(responder="cape-town", quote=Decimal("30.00"), currency="EUR"),
        ),
    ),
    RideBooked(
        ride=RIDE,
        rfq=RFQ,
        customer="cmr",
        fleet="winelands",
        unicorn="shadowfax",
        origin="Frankfurt",
        destination="Las Vegas",
        price=Decimal("12.50"),
        currency="EUR",
        booked_at=NOON,
    ),
    RideStarted(ride=RIDE, customer="cmr", fleet="winelands", unicorn="shadowfax", started_at=NOON),
    RideCancelled(
        ride=RIDE,
        customer="cmr",
        fleet="winelands",
        unicorn="shadowfax",
        origin="Frankfurt",
        destination="Las Vegas",
        fee=Decimal("2.50"),
        currency="EUR",
        cancelled_by="customer",
        cancelled_at=NOON,
    ),
    RideFinished(
        ride=RIDE,
        ride_completion=UUID("01990000-0000-7000-8000-000000000001"),
        customer="cmr",
        fleet="winelands",
        unicorn="shadowfax",
        fare=Decimal("13.00"),
        currency="EUR",
        finished_at=NOON,
    ),
    SubmitPrebooking(**PREBOOKED | {"campaign": "", "price_limit": None}),
    PrebookingSubmitted(accepted_at=NOON, **PREBOOKED),
    RidePrebooked(
        discount_percent=25,
        due_at=NOON + timedelta(hours=23),
        confirmed_at=NOON,
        **PREBOOKED,
    ),
    PrebookingRejected(
        reason="campaign-full",
        explanation="The campaign has no places left.",
        rejected_at=NOON,
        **PREBOOKED,
    ),
    DispatchPrebooking(prebooking=PREBOOKED["prebooking"]),
    PrebookingCancelled(cancelled_by="customer", cancelled_at=NOON, **PREBOOKED),
    PrebookingDispatched(rfq=RFQ, ride=RIDE, dispatched_at=NOON, **PREBOOKED),
    PrebookingUnfulfilled(
        reason="no-unicorn",
        explanation="No unicorn was found for the ride.",
        unfulfilled_at=NOON,
        **PREBOOKED,
    ),
    RequestInstantRide(
        prebooking=PREBOOKED["prebooking"],
        customer="cmr",
        origin="Frankfurt",
        destination="Las Vegas",
        price_limit=Decimal("60.50"),
        discount_percent=25,
    ),
    BookPrebookedRide(rfq=RFQ),
    PrebookedRideBooked(prebooking=PREBOOKED["prebooking"], rfq=RFQ, ride=RIDE),
    PrebookedRideMissed(prebooking=PREBOOKED["prebooking"], rfq=RFQ),
    AuthorisePayment(
        reference=PAYMENT,
        customer="cmr",
        amount=Decimal("256.50"),
        currency="EUR",
        description="Ride from Berlin to Frankfurt",
    ),
    CapturePayment(reference=PAYMENT),
    ReleasePayment(reference=PAYMENT),
    RefundPayment(reference=PAYMENT, amount=Decimal("56.50")),
    GiveQuote(
        fleet="winelands",
        request={
            "specversion": "1.0",
            "id": "01990000-0000-7000-8000-000000000004",
            "type": "v1.ride-quotes.requested",
        },
    ),
    CreditPayment(
        reference="01990000-0000-7000-8000-000000000006",
        ride_completion=UUID("01990000-0000-7000-8000-000000000001"),
        customer="cmr",
        amount=Decimal("256.50"),
        currency="EUR",
    ),
    ReverseCredit(reference="01990000-0000-7000-8000-000000000006"),
    RecordRefund(
        reference="01990000-0000-7000-8000-000000000007",
        of="01990000-0000-7000-8000-000000000006",
        customer="cmr",
        amount=Decimal("100.00"),
        currency="EUR",
    ),
    ReverseRefund(reference="01990000-0000-7000-8000-000000000007"),
    RegisterFare(collection=COLLECTION, **FARE),
    MarkCollected(collection=COLLECTION, card="•••• 4242", **FARE),
    MarkFailed(
        collection=COLLECTION,
        step="credit",
        reason="the account of cmr is closed",
        given_back=True,
        **FARE,
    ),
    RegisterRefund(refund=REFUND),
    MarkRefunded(refund=REFUND),
    MarkRefundFailed(refund=REFUND, step="refund", reason="the provider refuses"),
    FareCollected(collection=COLLECTION, card="•••• 4242", collected_at=NOON, **FARE),
    FareFailed(
        collection=COLLECTION,
        step="credit",
        reason="the account of cmr is closed",
        given_back=True,
        failed_at=NOON,
        **FARE,
    ),
    FareRefunded(
        collection=COLLECTION,
        refund=REFUND,
        reason="The unicorn took a detour.",
        card="•••• 4242",
        refunded_at=NOON,
        **FARE,
    ),
    FareCollectionStuck(
        collection=COLLECTION,
        saga=COLLECTION,
        step="capture",
        reason="the provider refuses",
        **FARE,
    ),
]

each_message = pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.TYPE)


def golden(type_: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((GOLDEN / f"{type_}.json").read_text())
    return content


@each_message
def test_a_message_is_written_as_its_golden_file_says(message: Any) -> None:
    written = json.loads(json.dumps(message.to_data()))

    assert written == golden(message.TYPE)
    assert list(written) == list(golden(message.TYPE))


@each_message
def test_a_golden_file_reads_back_as_the_message(message: Any) -> None:
    assert type(message).from_data(golden(message.TYPE)) == message


@each_message
def test_a_reader_does_not_mind_what_a_later_writer_adds(message: Any) -> None:
    assert type(message).from_data({**golden(message.TYPE), "added_later": 1}) == message


def test_every_type_that_the_topology_carries_has_a_golden_file() -> None:
    carried = {type_ for topic in TOPOLOGY.topics for type_ in topic.types}
    carried |= {entry.command for entry in TOPOLOGY.subscriptions if entry.command}

    assert {path.stem for path in GOLDEN.glob("*.json")} == carried
    assert {message.TYPE for message in MESSAGES} == carried
