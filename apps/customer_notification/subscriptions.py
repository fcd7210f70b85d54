"""Which messages customers are told of, and how they are reached."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from uuid import UUID

from django.utils import timezone

from apps.customer_notification import operations, texts
from apps.customer_notification.messages import SendEmail
from apps.customer_notification.models import STAFF, Notification
from apps.customer_notification.operations import News
from apps.fare_collection import messages as fare_collection
from apps.identity import messages as identity
from apps.ride_booking import messages as ride_booking
from apps.ride_prebooking import messages as ride_prebooking
from apps.unicorn_management import messages as unicorn_management
from wildrydes.envelope import Envelope
from wildrydes.subscriptions import subscribe, subscribe_batch

Kind = Notification.Kind


@subscribe_batch("customer_notification.record_contact")
def record_contact(envelopes: Sequence[Envelope]) -> None:
    """Keep the address of each customer who has registered."""
    operations.record_contacts(addresses=[_address(envelope) for envelope in envelopes])


@subscribe_batch("customer_notification.notify_customer")
def notify_customer(envelopes: Sequence[Envelope]) -> None:
    """Tell the customer of each completed ride."""
    _notify(envelopes)


@subscribe_batch("customer_notification.tell_of_bookings")
def tell_of_bookings(envelopes: Sequence[Envelope]) -> None:
    """Tell the customer of each ride that was booked or cancelled."""
    _notify(envelopes)


@subscribe_batch("customer_notification.tell_of_no_quotes")
def tell_of_no_quotes(envelopes: Sequence[Envelope]) -> None:
    """Tell the customer of each request that no fleet has made a quote for."""
    _notify(envelopes)


@subscribe_batch("customer_notification.tell_of_prebookings")
def tell_of_prebookings(envelopes: Sequence[Envelope]) -> None:
    """Tell the customer what became of each prebooking."""
    _notify(envelopes)


@subscribe_batch("customer_notification.tell_of_fares")
def tell_of_fares(envelopes: Sequence[Envelope]) -> None:
    """Tell the customer what became of a fare, and staff of one that needs them."""
    _notify(envelopes)


@subscribe("customer_notification.send_email", outside_effects=True)
def send_email(envelope: Envelope) -> None:
    """Send one notification by e-mail."""
    command = SendEmail.from_data(envelope.data)
    operations.send_email(notification=command.notification, now=timezone.now())


def _address(envelope: Envelope) -> operations.Address:
    event = identity.CustomerRegistered.from_data(envelope.data)
    return operations.Address(
        customer=event.customer, email=event.email, name=event.name, as_of=envelope.time
    )


def _notify(envelopes: Sequence[Envelope]) -> None:
    news = [NEWS[envelope.type](envelope) for envelope in envelopes]
    operations.notify(news=news, now=timezone.now())


def _completed(envelope: Envelope) -> News:
    ride = unicorn_management.RideCompleted.from_data(envelope.data)
    text = texts.ride_completed(
        origin=ride.origin, destination=ride.destination, fare=ride.fare, currency=ride.currency
    )
    return _news(ride.customer, Kind.RIDE_COMPLETED, ride.ride_completion, text, envelope)


def _booked(envelope: Envelope) -> News:
    ride = ride_booking.RideBooked.from_data(envelope.data)
    text = texts.ride_booked(
        origin=ride.origin,
        destination=ride.destination,
        fleet=ride.fleet,
        price=ride.price,
        currency=ride.currency,
    )
    return _news(ride.customer, Kind.RIDE_BOOKED, ride.ride, text, envelope)


def _cancelled(envelope: Envelope) -> News:
    ride = ride_booking.RideCancelled.from_data(envelope.data)
    text = texts.ride_cancelled(
        origin=ride.origin, destination=ride.destination, fee=ride.fee, currency=ride.currency
    )
    return _news(ride.customer, Kind.RIDE_CANCELLED, ride.ride, text, envelope)


def _no_quotes(envelope: Envelope) -> News:
    rfq = ride_booking.QuotesGathered.from_data(envelope.data)
    text = texts.no_quotes(origin=rfq.origin, destination=rfq.destination)
    return _news(rfq.customer, Kind.NO_QUOTES, rfq.rfq, text, envelope)


def _prebooked(envelope: Envelope) -> News:
    ride = ride_prebooking.RidePrebooked.from_data(envelope.data)
    text = texts.prebooked(
        origin=ride.origin,
        destination=ride.destination,
        ride_at=ride.ride_at,
        discount_percent=ride.discount_percent,
    )
    return _news(ride.customer, Kind.PREBOOKED, ride.prebooking, text, envelope)


def _prebooking_rejected(envelope: Envelope) -> News:
    ride = ride_prebooking.PrebookingRejected.from_data(envelope.data)
    text = texts.prebooking_rejected(
        origin=ride.origin,
        destination=ride.destination,
        ride_at=ride.ride_at,
        explanation=ride.explanation,
    )
    return _news(ride.customer, Kind.PREBOOKING_REJECTED, ride.prebooking, text, envelope)


def _prebooking_cancelled(envelope: Envelope) -> News:
    ride = ride_prebooking.PrebookingCancelled.from_data(envelope.data)
    text = texts.prebooking_cancelled(
        origin=ride.origin, destination=ride.destination, ride_at=ride.ride_at
    )
    return _news(ride.customer, Kind.PREBOOKING_CANCELLED, ride.prebooking, text, envelope)


def _prebooking_unfulfilled(envelope: Envelope) -> News:
    ride = ride_prebooking.PrebookingUnfulfilled.from_data(envelope.data)
    text = texts.prebooking_unfulfilled(
        origin=ride.origin, destination=ride.destination, ride_at=ride.ride_at
    )
    return _news(ride.customer, Kind.PREBOOKING_UNFULFILLED, ride.prebooking, text, envelope)


def _fare_collected(envelope: Envelope) -> News:
    fare = fare_collection.FareCollected.from_data(envelope.data)
    text = texts.fare_collected(
        origin=fare.origin,
        destination=fare.destination,
        amount=fare.amount,
        currency=fare.currency,
        card=fare.card,
    )
    return _news(fare.customer, Kind.FARE_COLLECTED, fare.collection, text, envelope)


def _fare_failed(envelope: Envelope) -> News:
    fare = fare_collection.FareFailed.from_data(envelope.data)
    text = texts.fare_failed(
        origin=fare.origin,
        destination=fare.destination,
        amount=fare.amount,
        currency=fare.currency,
        reason=fare.reason,
        given_back=fare.given_back,
    )
    return _news(fare.customer, Kind.FARE_FAILED, fare.collection, text, envelope)


def _fare_refunded(envelope: Envelope) -> News:
    fare = fare_collection.FareRefunded.from_data(envelope.data)
    text = texts.fare_refunded(
        origin=fare.origin,
        destination=fare.destination,
        amount=fare.amount,
        currency=fare.currency,
        card=fare.card,
    )
    return _news(fare.customer, Kind.FARE_REFUNDED, fare.refund, text, envelope)


def _fare_stuck(envelope: Envelope) -> News:
    fare = fare_collection.FareCollectionStuck.from_data(envelope.data)
    text = texts.fare_stuck(
        saga=fare.saga,
        collection=fare.collection,
        customer=fare.customer,
        step=fare.step,
        reason=fare.reason,
    )
    # About the event and not the saga, which may get stuck again after somebody has retried it.
    return _news(STAFF, Kind.FARE_STUCK, envelope.id, text, envelope)


def _news(customer: str, kind: Kind, about: UUID, text: texts.Text, cause: Envelope) -> News:
    return News(customer=customer, kind=kind, about=about, text=text, cause=cause)


NEWS: Mapping[str, Callable[[Envelope], News]] = {
    unicorn_management.RideCompleted.TYPE: _completed,
    ride_booking.RideBooked.TYPE: _booked,
    ride_booking.RideCancelled.TYPE: _cancelled,
    ride_booking.QuotesGathered.TYPE: _no_quotes,
    ride_prebooking.RidePrebooked.TYPE: _prebooked,
    ride_prebooking.PrebookingRejected.TYPE: _prebooking_rejected,
    ride_prebooking.PrebookingCancelled.TYPE: _prebooking_cancelled,
    ride_prebooking.PrebookingUnfulfilled.TYPE: _prebooking_unfulfilled,
    fare_collection.FareCollected.TYPE: _fare_collected,
    fare_collection.FareFailed.TYPE: _fare_failed,
    fare_collection.FareRefunded.TYPE: _fare_refunded,
    fare_collection.FareCollectionStuck.TYPE: _fare_stuck,
}
