"""What may be done at unicorn management: submit completed rides, one or many."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db import IntegrityError, transaction

from apps.identity.messages import Caller
from apps.unicorn_management import queries
from apps.unicorn_management.messages import RideCompleted
from apps.unicorn_management.models import ONE_COMPLETION_PER_RIDE, RideCompletion
from wildrydes import confirming, prepared, publishing
from wildrydes.models import new_id

MOST_RACES = 5


class AlreadyCompletedError(Exception):
    """The ride is completed already, by the completion `existing`; None: by one beside it."""

    def __init__(self, *, ride: str, existing: UUID | None) -> None:
        super().__init__(f"ride {ride!r} is completed already")
        self.ride = ride
        self.existing = existing


@dataclass(frozen=True, kw_only=True)
class CompletedRide:
    """What is reported of a ride. `duration_s` is in seconds, `distance_km` in kilometres."""

    origin: str
    destination: str
    duration_s: float
    distance_km: float
    customer: str
    fare: Decimal
    ride: str | None = None


def submit_ride_completion(
    *, ride: CompletedRide, caller: Caller, currency: str, now: datetime
) -> RideCompletion:
    """Store a completed ride and publish `v1.ride.completed`, both or neither.

    Raises `AlreadyCompletedError` when the booked ride has a completion.
    """
    row = _row(ride, caller=caller, currency=currency, now=now)
    try:
        with transaction.atomic():
            confirming.confirm()
            _store([row])
    except IntegrityError as error:
        _refuse_unless_a_race(error)
        existing = queries.completions_of(rides=[row.ride or ""]).get(row.ride or "")
        raise AlreadyCompletedError(ride=row.ride or "", existing=existing) from None
    return row


def submit_ride_completions(
    *, rides: Sequence[CompletedRide], caller: Caller, currency: str, now: datetime
) -> list[RideCompletion | AlreadyCompletedError]:
    """Store many completed rides and publish an event for each, in one transaction.

    Returns, in order, what was stored, or the error of a ride that has a completion already; the
    others are kept.
    """
    for _ in range(MOST_RACES - 1):
        try:
            return _submit_all(rides, caller=caller, currency=currency, now=now)
        except IntegrityError as error:
            _refuse_unless_a_race(error)  # lost to another caller: look again
    return _submit_all(rides, caller=caller, currency=currency, now=now)


def _submit_all(
    rides: Sequence[CompletedRide], *, caller: Caller, currency: str, now: datetime
) -> list[RideCompletion | AlreadyCompletedError]:
    with transaction.atomic():
        confirming.confirm()
        taken = queries.completions_of(rides=[item.ride for item in rides if item.ride])
        outcomes = [
            refusal or _row(item, caller=caller, currency=currency, now=now)
            for item, refusal in zip(rides, _refusals(rides, taken), strict=True)
        ]
        _store([item for item in outcomes if isinstance(item, RideCompletion)])
    return outcomes


def _refusals(
    rides: Iterable[CompletedRide], taken: dict[str, UUID]
) -> Iterator[AlreadyCompletedError | None]:
    seen: set[str] = set()
    for item in rides:
        if item.ride and (item.ride in taken or item.ride in seen):
            yield AlreadyCompletedError(ride=item.ride, existing=taken.get(item.ride))
        else:
            yield None
        seen.add(item.ride or "")


def _row(ride: CompletedRide, *, caller: Caller, currency: str, now: datetime) -> RideCompletion:
    return RideCompletion(
        id=new_id(),
        ride=ride.ride,
        origin=ride.origin,
        destination=ride.destination,
        duration_s=ride.duration_s,
        distance_km=ride.distance_km,
        customer=ride.customer,
        fare=ride.fare,
        currency=currency,
        fleet=caller.fleet,
        submitted_by_id=caller.user_id,
        submitted_at=now,
    )


def _store(rows: Sequence[RideCompletion]) -> None:
    events = [
        publishing.Outgoing(body=_event(row), subject=str(row.id), group_id=row.customer)
        for row in rows
    ]
    for row, message_id in zip(rows, publishing.publish_all(events), strict=True):
        row.message_id = message_id
    prepared.insert(rows)


def _event(row: RideCompletion) -> RideCompleted:
    return RideCompleted(
        ride_completion=row.id,
        ride=row.ride,
        origin=row.origin,
        destination=row.destination,
        duration=row.duration_s,
        distance=row.distance_km,
        customer=row.customer,
        fare=row.fare,
        currency=row.currency,
        fleet=row.fleet,
        completed_at=row.submitted_at,
    )


def _refuse_unless_a_race(error: IntegrityError) -> None:
    if ONE_COMPLETION_PER_RIDE not in str(error):
        raise error
