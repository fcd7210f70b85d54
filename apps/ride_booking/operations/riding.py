"""Start, cancel and complete a booked ride."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

import structlog
from django.db import transaction

from apps.identity import messages as identity
from apps.ride_booking import queries, rules
from apps.ride_booking.messages import RideCancelled, RideFinished, RideStarted
from apps.ride_booking.models import Charge, Ride, RideEvent
from apps.ride_booking.rules import Cancellation, State
from wildrydes import publishing
from wildrydes.outgoing import Body

log = structlog.get_logger(__name__)


class NotNowError(Exception):
    """The ride's state, or who asks, does not allow it."""

    def __init__(self, ride: Ride) -> None:
        super().__init__(f"ride {ride.id} is {ride.state}")
        self.ride = ride


@dataclass(frozen=True, kw_only=True)
class Completion:
    """What a unicorn reports of a booked ride that is over. `fleet` is empty where staff did."""

    ride: UUID
    ride_completion: UUID
    customer: str
    fleet: str
    fare: Decimal
    currency: str
    completed_at: datetime


def start(*, ride_id: UUID, caller: identity.Caller, now: datetime) -> Ride:
    """Start a booked ride and publish `v1.ride.started`.

    Raises `Ride.DoesNotExist` for a ride that the caller may not see, `NotNowError` otherwise.
    """
    with transaction.atomic():
        ride = _locked(ride_id, caller=caller)
        if not rules.may_start(state=State(ride.state), role=caller.role):
            raise NotNowError(ride)
        ride.state = State.STARTED
        ride.save(update_fields=["state"])
        _note(ride, RideEvent.Kind.STARTED, at=now, by=caller.role)
        _publish(_started(ride, now=now), ride)
    return ride


def cancel(*, ride_id: UUID, caller: identity.Caller, now: datetime) -> Ride:
    """Cancel a ride by the policy in `rules.cancellation`, and publish `v1.ride.cancelled`.

    Raises `Ride.DoesNotExist` for a ride that the caller may not see, `NotNowError` otherwise.
    """
    with transaction.atomic():
        ride = _locked(ride_id, caller=caller)
        terms = cancellation(ride=ride, caller=caller, now=now)
        if not terms.allowed:
            raise NotNowError(ride)
        ride.state, ride.cancellation_fee = State.CANCELLED, terms.fee
        ride.save(update_fields=["state", "cancellation_fee"])
        _note(ride, RideEvent.Kind.CANCELLED, at=now, by=caller.role)
        if terms.fee:
            _charge(ride, Charge.Kind.CANCELLATION_FEE, terms.fee, at=now)
        _publish(_cancelled(ride, by=caller.role, now=now), ride)
    return ride


def cancellation(*, ride: Ride, caller: identity.Caller, now: datetime) -> Cancellation:
    """Return whether the caller may cancel the ride now, and what that would cost the customer."""
    return rules.cancellation(
        state=State(ride.state),
        role=caller.role,
        price=ride.price,
        booked_at=ride.booked_at,
        now=now,
    )


def complete(*, completions: Sequence[Completion]) -> None:
    """Complete the booked rides that these speak of, and publish `v1.ride.finished` for each.

    Must be called inside a transaction. What speaks of no ride of ours, of another fleet's or
    customer's, or of one that is over already, is left alone and said in the log.
    """
    by_ride = {item.ride: item for item in reversed(completions)}
    rides = Ride.objects.filter(id__in=by_ride).order_by("id").select_for_update()
    found = {ride.id: ride for ride in rides}
    for ride_id, item in by_ride.items():
        ride = found.get(ride_id)
        if reason := _reason_to_ignore(ride, item):
            log.warning("completion_of_no_ride", ride=str(ride_id), reason=reason)
        elif ride is not None:
            _complete(ride, item)


def _reason_to_ignore(ride: Ride | None, completion: Completion) -> str:
    if ride is None:
        return "no such ride"
    if ride.customer != completion.customer or completion.fleet not in ("", ride.fleet):
        return "another customer's or fleet's ride"
    if not rules.may_follow(State(ride.state), State.COMPLETED):
        return f"the ride is {ride.state}"
    return ""


def _complete(ride: Ride, completion: Completion) -> None:
    at = completion.completed_at
    by = identity.UNICORN if completion.fleet else identity.STAFF
    ride.state, ride.ride_completion = State.COMPLETED, completion.ride_completion
    ride.save(update_fields=["state", "ride_completion"])
    _note(ride, RideEvent.Kind.COMPLETED, at=at, by=by)
    charge = Charge(ride=ride, kind=Charge.Kind.FARE, amount=completion.fare, at=at)
    charge.currency = completion.currency
    charge.save(force_insert=True)
    _publish(_finished(ride, completion), ride)


def _locked(ride_id: UUID, *, caller: identity.Caller) -> Ride:
    return queries.rides_visible_to(caller=caller).select_for_update().get(id=ride_id)


def _note(ride: Ride, kind: str, *, at: datetime, by: str) -> None:
    RideEvent.objects.create(ride=ride, kind=kind, at=at, by=by)


def _charge(ride: Ride, kind: str, amount: Decimal, *, at: datetime) -> None:
    Charge.objects.create(ride=ride, kind=kind, amount=amount, currency=ride.currency, at=at)


def _publish(event: Body, ride: Ride) -> None:
    publishing.publish(event, subject=str(ride.id), group_id=str(ride.id))


def _started(ride: Ride, *, now: datetime) -> RideStarted:
    return RideStarted(
        ride=ride.id,
        customer=ride.customer,
        fleet=ride.fleet,
        unicorn=ride.unicorn,
        started_at=now,
    )


def _cancelled(ride: Ride, *, by: str, now: datetime) -> RideCancelled:
    return RideCancelled(
        ride=ride.id,
        customer=ride.customer,
        fleet=ride.fleet,
        unicorn=ride.unicorn,
        origin=ride.origin,
        destination=ride.destination,
        fee=ride.cancellation_fee or Decimal(0),
        currency=ride.currency,
        cancelled_by=by,
        cancelled_at=now,
    )


def _finished(ride: Ride, completion: Completion) -> RideFinished:
    return RideFinished(
        ride=ride.id,
        ride_completion=completion.ride_completion,
        customer=ride.customer,
        fleet=ride.fleet,
        unicorn=ride.unicorn,
        fare=completion.fare,
        currency=completion.currency,
        finished_at=completion.completed_at,
    )
