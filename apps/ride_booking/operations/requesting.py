"""Ask the fleets what a ride would cost; take in what a fleet answers by itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from apps.identity import messages as identity
from apps.ride_booking import queries
from apps.ride_booking.messages import QuotesRequested
from apps.ride_booking.models import Rfq
from apps.ride_booking.queries import Standing
from wildrydes import scatter_gather
from wildrydes.models import Response, Scatter, new_id

GATHERING = "ride_booking.gather_quotes"


class NotForThemselvesError(Exception):
    """A customer named another customer."""


class ClosedError(Exception):
    """The request was closed when the answer came; it was kept as late."""

    def __init__(self, response: Response) -> None:
        super().__init__(f"request {response.scatter_id} is closed")
        self.response = response


class AnsweredOtherwiseError(Exception):
    """The fleet has given another answer already."""

    def __init__(self, response: Response) -> None:
        super().__init__(f"{response.responder} has answered request {response.scatter_id}")
        self.response = response


@dataclass(frozen=True, kw_only=True)
class WantedRide:
    """What a customer asks quotes for, and how long fleets have for their answers."""

    origin: str
    destination: str
    customer: str
    deadline: timedelta


@dataclass(frozen=True, kw_only=True)
class OwnAnswer:
    """What a fleet says by itself: `quote` holds its data, or is None where it declines."""

    quote: Mapping[str, Any] | None


def submit_rfq(*, wanted: WantedRide, caller: identity.Caller, now: datetime) -> Standing:
    """Store a request for quotes and ask every fleet, both or neither; return how it stands.

    Raises `NotForThemselvesError` when a customer asks for another one.
    """
    if caller.role == identity.CUSTOMER and wanted.customer != caller.customer:
        raise NotForThemselvesError(wanted.customer)
    rfq = Rfq(
        id=new_id(),
        origin=wanted.origin,
        destination=wanted.destination,
        customer=wanted.customer,
        requested_by_id=caller.user_id,
        requested_at=now,
    )
    with transaction.atomic():
        rfq.save(force_insert=True)
        ask_fleets(rfq, deadline=wanted.deadline)
        scatter = Scatter.objects.get(id=rfq.id)
    return queries.standing_of(rfq, scatter)


def ask_fleets(rfq: Rfq, *, deadline: timedelta) -> None:
    """Ask every fleet for quotes, for so long. Must be called in the request's transaction."""
    scatter_gather.ask(
        _question(rfq, deadline_at=rfq.requested_at + deadline),
        gathering=GATHERING,
        deadline=deadline,
        subject=str(rfq.id),
        id=rfq.id,
    )


def answer_by_itself(*, rfq: Rfq, caller: identity.Caller, answer: OwnAnswer) -> Response:
    """Record what the caller's fleet answers to a request that it was asked.

    Saying the same again changes nothing. Raises `AnsweredOtherwiseError`, and `ClosedError` when
    the request is closed: the answer is kept then, as late.
    """
    said = _said(answer)
    try:
        with transaction.atomic():
            response = scatter_gather.record(rfq.id, responder=caller.fleet, answer=said)
    except scatter_gather.AlreadyAnsweredError as error:
        response = error.response
    if (response.outcome, response.data) != (said.outcome, dict(said.data)):
        raise AnsweredOtherwiseError(response)
    if response.late:
        raise ClosedError(response)
    return response


def _said(answer: OwnAnswer) -> scatter_gather.Answer:
    if answer.quote is None:
        return scatter_gather.declined("the fleet declined by itself")
    return scatter_gather.answered(answer.quote)


def _question(rfq: Rfq, *, deadline_at: datetime) -> QuotesRequested:
    return QuotesRequested(
        rfq=rfq.id,
        origin=rfq.origin,
        destination=rfq.destination,
        customer=rfq.customer,
        requested_at=rfq.requested_at,
        deadline_at=deadline_at,
    )
