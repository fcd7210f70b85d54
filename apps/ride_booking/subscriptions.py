"""Which messages ride booking takes: what fleets answer, which rides were completed and paid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings
from django.utils import timezone

from apps.fare_collection import messages as fare_collection
from apps.ride_booking import offers, queries
from apps.ride_booking.messages import (
    BookPrebookedRide,
    GatheredQuote,
    QuotesGathered,
    RequestInstantRide,
)
from apps.ride_booking.models import Rfq
from apps.ride_booking.operations import paying, prebooked, requesting, riding
from apps.unicorn_management import messages as unicorn_management
from wildrydes import scatter_gather
from wildrydes.envelope import Envelope
from wildrydes.scatter_gather import Entry, Question
from wildrydes.subscriptions import subscribe_batch

log = structlog.get_logger(__name__)


def check_quote(scatter: Question, responder: str, data: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what is kept of a fleet's answer; raises `ValueError` for one not to be believed."""
    return offers.checked(data, currency=settings.CURRENCY)


@scatter_gather.gathers(requesting.GATHERING, check=check_quote)
def gather_quotes(scatter: Question, entries: Sequence[Entry]) -> QuotesGathered:
    """Put the quotes that came in time together, cheapest first."""
    rfq = Rfq.objects.select_related("prebooked").get(id=scatter.id)
    prebooked.book_when_closed(rfq)
    quotes = queries.quotes_of(scatter, entries)
    return QuotesGathered(
        rfq=rfq.id,
        origin=rfq.origin,
        destination=rfq.destination,
        customer=rfq.customer,
        closed_because=scatter.closed_because,
        quotes=tuple(
            GatheredQuote(
                responder=quote.responder,
                quote=quote.offer.quote,
                currency=quote.offer.currency,
            )
            for quote in quotes
            if not quote.late
        ),
    )


@subscribe_batch("ride_booking.complete_ride")
def complete_ride(envelopes: Sequence[Envelope]) -> None:
    """Complete each booked ride that was carried out."""
    events = (unicorn_management.RideCompleted.from_data(each.data) for each in envelopes)
    completions = [_completion(event, ride) for event in events for ride in _booked(event)]
    riding.complete(completions=completions)


@subscribe_batch("ride_booking.record_charge")
def record_charge(envelopes: Sequence[Envelope]) -> None:
    """Write on the receipts of booked rides what was charged and what was given back."""
    paying.record(movements=[item for each in envelopes for item in _movements(each)])


@subscribe_batch("ride_booking.request_for_prebooking")
def request_for_prebooking(envelopes: Sequence[Envelope]) -> None:
    """Ask the fleets for each prebooked ride that is due."""
    wishes = [RequestInstantRide.from_data(each.data) for each in envelopes]
    causes = {wish.prebooking: each for wish, each in zip(wishes, envelopes, strict=True)}
    prebooked.request(wishes=wishes, causes=causes, now=timezone.now())


@subscribe_batch("ride_booking.book_for_prebooking")
def book_for_prebooking(envelopes: Sequence[Envelope]) -> None:
    """Book the best quote of each request that was made for a prebooking."""
    for envelope in envelopes:
        rfq = BookPrebookedRide.from_data(envelope.data).rfq
        prebooked.book(rfq_id=rfq, cause=envelope, now=timezone.now())


def _movements(envelope: Envelope) -> list[paying.Movement]:
    """Return the movement of money that an event speaks of; none for a ride that is not ours."""
    if envelope.type == fare_collection.FareRefunded.TYPE:
        refunded = fare_collection.FareRefunded.from_data(envelope.data)
        return _movement(refunded, refunded.refund, refunded.card, at=refunded.refunded_at)
    collected = fare_collection.FareCollected.from_data(envelope.data)
    return _movement(collected, collected.collection, collected.card, at=collected.collected_at)


def _movement(
    fare: fare_collection.Fare, id: UUID, card: str, *, at: datetime
) -> list[paying.Movement]:
    return [
        paying.Movement(
            id=id,
            ride=ride,
            customer=fare.customer,
            amount=fare.amount,
            currency=fare.currency,
            card=card,
            is_refund=isinstance(fare, fare_collection.FareRefunded),
            at=at,
        )
        for ride in _ids(fare.ride)
    ]


def _booked(event: unicorn_management.RideCompleted) -> list[UUID]:
    """Return the ride's id; a unicorn may have named what is none of ours."""
    found = _ids(event.ride)
    if not found:
        log.warning("completion_of_no_ride", ride=event.ride, reason="no such ride")
    return found


def _ids(ride: str | None) -> list[UUID]:
    try:
        return [UUID(ride or "")]
    except ValueError:
        return []


def _completion(event: unicorn_management.RideCompleted, ride: UUID) -> riding.Completion:
    return riding.Completion(
        ride=ride,
        ride_completion=event.ride_completion,
        customer=event.customer,
        fleet=event.fleet,
        fare=event.fare,
        currency=event.currency,
        completed_at=event.completed_at,
    )
