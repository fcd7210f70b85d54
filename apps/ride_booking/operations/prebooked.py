"""Requests that nobody made by hand: a prebooked ride was due, and its best quote is booked.

Guarantee: of a prebooking there is one request, and one event that says what came of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from apps.identity import messages as identity
from apps.ride_booking import queries, rules
from apps.ride_booking.messages import (
    BookPrebookedRide,
    PrebookedRideBooked,
    PrebookedRideMissed,
    RequestInstantRide,
)
from apps.ride_booking.models import PrebookedRequest, Rfq, Ride
from apps.ride_booking.operations import accepting, requesting
from wildrydes import context, publishing
from wildrydes.envelope import Envelope
from wildrydes.models import Message, Response, Scatter, new_id
from wildrydes.outgoing import Body, Outgoing

ANSWER_TIME = timedelta(seconds=10)
NOBODY = 0


def request(
    *, wishes: Sequence[RequestInstantRide], causes: Mapping[UUID, Envelope], now: datetime
) -> None:
    """Ask every fleet for each of these rides, unless that was done for its prebooking.

    Must be called inside a transaction.
    """
    asked = PrebookedRequest.objects.filter(prebooking__in=causes)
    known = set(asked.values_list("prebooking", flat=True))
    for wish in wishes:
        if wish.prebooking not in known:
            known.add(wish.prebooking)
            _ask(wish, cause=causes[wish.prebooking], now=now)


def book_when_closed(rfq: Rfq) -> None:
    """Command that the best quote is booked, where the request was made for a prebooking.

    Must be called in the transaction that closes the request.
    """
    if not hasattr(rfq, "prebooked"):
        return
    asked = Message.objects.get(id=rfq.id).to_envelope()
    command = Outgoing(body=BookPrebookedRide(rfq=rfq.id), subject=str(rfq.id), cause=asked)
    publishing.send_all([command])


def book(*, rfq_id: UUID, cause: Envelope, now: datetime) -> None:
    """Book the cheapest quote that can be had within the price limit, and tell what came of it.

    Must be called inside a transaction. A ride that the customer has booked of the request by
    hand is the one.
    """
    wish = PrebookedRequest.objects.select_related("rfq").get(rfq=rfq_id)
    with context.working_for(_story(cause)):
        ride = next(_rides(wish, now=now), None)
    told: Body = (
        PrebookedRideMissed(prebooking=wish.prebooking, rfq=rfq_id)
        if ride is None
        else PrebookedRideBooked(prebooking=wish.prebooking, rfq=rfq_id, ride=ride)
    )
    publishing.publish_all([Outgoing(body=told, subject=str(wish.prebooking), cause=cause)])


def _ask(wish: RequestInstantRide, *, cause: Envelope, now: datetime) -> None:
    rfq = Rfq(
        id=new_id(),
        origin=wish.origin,
        destination=wish.destination,
        customer=wish.customer,
        requested_by_id=NOBODY,
        requested_at=now,
    )
    rfq.save(force_insert=True)
    PrebookedRequest.objects.create(
        rfq=rfq,
        prebooking=wish.prebooking,
        price_limit=wish.price_limit,
        discount_percent=wish.discount_percent,
    )
    with context.working_for(_story(cause)):
        requesting.ask_fleets(rfq, deadline=ANSWER_TIME)


def _rides(wish: PrebookedRequest, *, now: datetime) -> Iterator[UUID]:
    """Yield the ride that could be booked; nothing where no quote is to be had."""
    rfq = wish.rfq
    yield from Ride.objects.filter(rfq=rfq.id).values_list("id", flat=True)
    caller = identity.Caller(user_id=NOBODY, role=identity.CUSTOMER, customer=rfq.customer)
    found = Response.objects.filter(scatter_id=rfq.id, outcome=Response.Outcome.ANSWERED)
    for quote in queries.quotes_of(Scatter.objects.get(id=rfq.id), found):
        price = rules.discounted(quote.offer.quote, percent=wish.discount_percent)
        if quote.late or (wish.price_limit is not None and price > wish.price_limit):
            continue
        try:
            yield accepting.accept(
                rfq_id=rfq.id,
                responder=quote.responder,
                caller=caller,
                now=now,
                discount_percent=wish.discount_percent,
            ).id
        except accepting.AlreadyAcceptedError as error:
            yield error.ride  # by hand, a moment ago
        except accepting.NotAcceptedError:
            continue


def _story(cause: Envelope) -> context.Context:
    return context.Context(cause.correlation_id, cause.id, cause.trace_parent)
