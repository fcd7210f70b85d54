"""Accept a quote: of however many that try at once, one books the ride."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, transaction

from apps.identity import messages as identity
from apps.ride_booking import queries, rules
from apps.ride_booking.messages import RideBooked
from apps.ride_booking.models import ONE_RIDE_PER_UNICORN, Rfq, Ride, RideEvent
from apps.ride_booking.queries import Quote
from apps.ride_booking.rules import State
from wildrydes import publishing, scatter_gather
from wildrydes.models import Response, Scatter, new_id

ACCEPTED = "accepted"


class NotAcceptedError(Exception):
    """Base of what keeps a quote that is there from being accepted."""


class AlreadyAcceptedError(NotAcceptedError):
    """A quote of this request was accepted before; `ride` was booked of it."""

    def __init__(self, ride: UUID) -> None:
        super().__init__(f"ride {ride} is booked already")
        self.ride = ride


class NoSuchQuoteError(Exception):
    """That fleet has made no quote for this request."""


class QuoteExpiredError(NotAcceptedError):
    """The quote was valid until `expired_at`."""

    def __init__(self, expired_at: datetime) -> None:
        super().__init__(f"the quote was valid until {expired_at}")
        self.expired_at = expired_at


class QuoteCameLateError(NotAcceptedError):
    """The quote came after the request was closed."""


class UnicornTakenError(NotAcceptedError):
    """The unicorn of this quote is on another ride."""


def accept(
    *,
    rfq_id: UUID,
    responder: str,
    caller: identity.Caller,
    now: datetime,
    discount_percent: int = 0,
) -> Ride:
    """Book the ride that a fleet's quote offers, and publish `v1.ride.booked`, both or neither.

    The price is the quote less the discount. A request that is still open is closed by it. Raises
    `Rfq.DoesNotExist` for a request that the caller may not see, and the errors of this module;
    then nothing has happened.
    """
    with transaction.atomic():
        rfq = queries.rfqs_visible_to(caller=caller).select_for_update(of=("self",)).get(id=rfq_id)
        _refuse_second(rfq)
        quote = _quote(rfq, responder=responder, now=now)
        ride = _ride(rfq, quote, now=now)
        ride.price = rules.discounted(ride.price, percent=discount_percent)
        _book(ride)
        RideEvent.objects.bulk_create(_beginning(ride, rfq, quote, by=caller.role))
        scatter_gather.close(rfq.id, because=ACCEPTED)
    return ride


def _refuse_second(rfq: Rfq) -> None:
    for ride in Ride.objects.filter(rfq=rfq.id).values_list("id", flat=True):
        raise AlreadyAcceptedError(ride)


def _quote(rfq: Rfq, *, responder: str, now: datetime) -> Quote:
    found = Response.objects.filter(scatter_id=rfq.id, responder=responder)
    quotes = queries.quotes_of(Scatter.objects.get(id=rfq.id), found)
    if not quotes:
        raise NoSuchQuoteError(responder)
    (quote,) = quotes
    if quote.late:
        raise QuoteCameLateError(responder)
    if quote.offer.expires_at <= now:
        raise QuoteExpiredError(quote.offer.expires_at)
    return quote


def _ride(rfq: Rfq, quote: Quote, *, now: datetime) -> Ride:
    return Ride(
        id=new_id(),
        rfq=rfq.id,
        customer=rfq.customer,
        fleet=quote.responder,
        unicorn=quote.offer.unicorn,
        origin=rfq.origin,
        destination=rfq.destination,
        price=quote.offer.quote,
        currency=quote.offer.currency,
        state=State.BOOKED,
        booked_at=now,
    )


def _book(ride: Ride) -> None:
    try:
        with transaction.atomic():
            ride.message_id = publishing.publish(
                _event(ride), subject=str(ride.id), group_id=str(ride.id)
            )
            ride.save(force_insert=True)
    except IntegrityError as error:
        if ONE_RIDE_PER_UNICORN not in str(error):
            raise
        raise UnicornTakenError(ride.unicorn) from None


def _event(ride: Ride) -> RideBooked:
    return RideBooked(
        ride=ride.id,
        rfq=ride.rfq,
        customer=ride.customer,
        fleet=ride.fleet,
        unicorn=ride.unicorn,
        origin=ride.origin,
        destination=ride.destination,
        price=ride.price,
        currency=ride.currency,
        booked_at=ride.booked_at,
    )


def _beginning(ride: Ride, rfq: Rfq, quote: Quote, *, by: str) -> list[RideEvent]:
    price = f"{ride.price} {ride.currency}"
    kinds = RideEvent.Kind
    return [
        RideEvent(ride=ride, kind=kinds.REQUESTED, at=rfq.requested_at, by=identity.CUSTOMER),
        RideEvent(ride=ride, kind=kinds.QUOTED, at=quote.received_at, by=ride.fleet, note=price),
        RideEvent(ride=ride, kind=kinds.BOOKED, at=ride.booked_at, by=by),
    ]
