"""What may be asked of ride booking, and by whom."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar
from uuid import UUID

from django.db.models import Exists, Model, OuterRef, QuerySet

from apps.identity import messages as identity
from apps.ride_booking.models import Charge, Payment, Rfq, Ride, RideEvent
from apps.ride_booking.offers import Offer
from wildrydes.models import Response, Scatter
from wildrydes.scatter_gather import Entry, Question

Row = TypeVar("Row")

OPEN = "open"
CLOSED = "closed"
ACCEPTED = "accepted"


@dataclass(frozen=True, kw_only=True)
class Quote:
    """A fleet's quote. `number` is its fleet's place among those that were asked."""

    responder: str
    offer: Offer
    received_at: datetime
    late: bool
    number: int


@dataclass(frozen=True, kw_only=True)
class Standing:
    """A request for quotes, and what has come of it so far; the cheapest quote is first."""

    rfq: Rfq
    status: str
    deadline_at: datetime
    asked: tuple[str, ...]
    quotes: tuple[Quote, ...]


@dataclass(frozen=True, kw_only=True)
class Page(Generic[Row]):
    """Some rows, newest first; `continues_after` is the last one's id if there are more."""

    rows: list[Row]
    continues_after: UUID | None


def rfqs_visible_to(*, caller: identity.Caller) -> QuerySet[Rfq]:
    """Return the requests that the caller may see: staff all, a unicorn those that its fleet was
    asked, a customer their own, anyone else none."""
    match caller:
        case identity.Caller(role=identity.STAFF):
            return Rfq.objects.all()
        case identity.Caller(role=identity.UNICORN, fleet=fleet) if fleet:
            asked = Scatter.objects.filter(id=OuterRef("id"), asked__contains=[fleet])
            return Rfq.objects.filter(Exists(asked))
        case identity.Caller(role=identity.CUSTOMER, customer=customer) if customer:
            return Rfq.objects.filter(customer=customer)
    return Rfq.objects.none()


def rides_visible_to(*, caller: identity.Caller) -> QuerySet[Ride]:
    """Return the rides that the caller may see: staff all, a unicorn its fleet's, a customer
    their own, anyone else none."""
    match caller:
        case identity.Caller(role=identity.STAFF):
            return Ride.objects.all()
        case identity.Caller(role=identity.UNICORN, fleet=fleet) if fleet:
            return Ride.objects.filter(fleet=fleet)
        case identity.Caller(role=identity.CUSTOMER, customer=customer) if customer:
            return Ride.objects.filter(customer=customer)
    return Ride.objects.none()


def newest_rfqs(
    *, caller: identity.Caller, status: str, limit: int, before: UUID | None
) -> Page[Standing]:
    """Return at most `limit` requests that the caller may see, of that status unless it is ""."""
    rows = rfqs_visible_to(caller=caller)
    if status:
        rows = rows.filter(Exists(Scatter.objects.filter(id=OuterRef("id"), status=status)))
    page = _page(rows, limit=limit, before=before)
    return Page(
        rows=list(standings(page.rows, caller=caller)), continues_after=page.continues_after
    )


def newest_rides(*, caller: identity.Caller, limit: int, before: UUID | None) -> Page[Ride]:
    """Return at most `limit` rides that the caller may see, each with its timeline."""
    rows = rides_visible_to(caller=caller).prefetch_related("timeline")
    return _page(rows, limit=limit, before=before)


def standings(rfqs: Sequence[Rfq], *, caller: identity.Caller) -> Iterator[Standing]:
    """Yield how each request stands, in three statements for all of them.

    A unicorn sees its own fleet's quote and no other's. Whether a request is open is read before
    its quotes: one that reads as closed has all that came in time.
    """
    ids = [rfq.id for rfq in rfqs]
    scatters = Scatter.objects.in_bulk(ids)
    accepted = set(Ride.objects.filter(rfq__in=ids).values_list("rfq", flat=True))
    answers = Response.objects.filter(scatter_id__in=ids, outcome=Response.Outcome.ANSWERED)
    if caller.role == identity.UNICORN:
        answers = answers.filter(responder=caller.fleet)
    by_rfq: dict[UUID, list[Response]] = {id: [] for id in ids}
    for answer in answers:
        by_rfq[answer.scatter_id].append(answer)
    for rfq in rfqs:
        yield standing_of(
            rfq, scatters[rfq.id], responses=by_rfq[rfq.id], is_accepted=rfq.id in accepted
        )


def standing(rfq: Rfq, *, caller: identity.Caller) -> Standing:
    """Return how one request stands."""
    return next(standings([rfq], caller=caller))


def standing_of(
    rfq: Rfq, scatter: Scatter, *, responses: Iterable[Response] = (), is_accepted: bool = False
) -> Standing:
    """Put together how a request stands, of what was read."""
    return Standing(
        rfq=rfq,
        status=ACCEPTED if is_accepted else scatter.status,
        deadline_at=scatter.deadline_at,
        asked=tuple(scatter.asked),
        quotes=quotes_of(scatter, responses),
    )


def quotes_of(
    scatter: Scatter | Question, responses: Iterable[Response | Entry]
) -> tuple[Quote, ...]:
    """Return the quotes among a request's responses, cheapest first."""
    quotes = (
        Quote(
            responder=response.responder,
            offer=Offer.of(response.data, received_at=response.received_at),
            received_at=response.received_at,
            late=response.late,
            number=scatter.asked.index(response.responder),
        )
        for response in responses
        if response.outcome == Response.Outcome.ANSWERED
    )
    return tuple(sorted(quotes, key=lambda quote: (quote.offer.quote, quote.received_at)))


def timeline_of(*, ride: Ride) -> list[RideEvent]:
    """Return what happened to a ride, in order."""
    return sorted(ride.timeline.all(), key=lambda event: event.pk)


def charges_of(*, ride: Ride) -> list[Charge]:
    """Return the lines of a ride's receipt, in order."""
    return list(ride.charges.order_by("id"))


def payments_of(*, ride: Ride) -> list[Payment]:
    """Return what was charged for a ride and given back, in order of time."""
    return list(ride.payments.order_by("at", "id"))


RowModel = TypeVar("RowModel", bound=Model)


def _page(rows: QuerySet[RowModel], *, limit: int, before: UUID | None) -> Page[RowModel]:
    if before is not None:
        rows = rows.filter(pk__lt=before)
    found = list(rows.order_by("-pk")[: limit + 1])
    more = len(found) > limit
    return Page(rows=found[:limit], continues_after=found[limit - 1].pk if more else None)
