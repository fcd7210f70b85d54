"""Which messages ride prebooking takes: what was accepted, what is stored, what is due."""

from __future__ import annotations

from collections.abc import Sequence

from django.conf import settings
from django.utils import timezone

from apps.ride_booking import messages as ride_booking
from apps.ride_prebooking.messages import (
    DispatchPrebooking,
    PrebookingSubmitted,
    SubmitPrebooking,
)
from apps.ride_prebooking.operations import confirming, dispatching, storing
from apps.ride_prebooking.operations.dispatching import Outcome
from apps.ride_prebooking.operations.storing import Submission
from wildrydes.envelope import Envelope
from wildrydes.subscriptions import subscribe_batch


@subscribe_batch("ride_prebooking.submit")
def submit(envelopes: Sequence[Envelope]) -> None:
    """Store what was accepted, as far as the rules allow."""
    submissions = [
        Submission(wanted=SubmitPrebooking.from_data(each.data), cause=each) for each in envelopes
    ]
    storing.store(submissions=submissions, now=timezone.now())


@subscribe_batch("ride_prebooking.process")
def process(envelopes: Sequence[Envelope]) -> None:
    """Confirm what is stored, or reject it."""
    causes = {PrebookingSubmitted.from_data(each.data).prebooking: each for each in envelopes}
    confirming.confirm(causes=causes, lead=settings.PREBOOKING_LEAD, now=timezone.now())


@subscribe_batch("ride_prebooking.dispatch")
def dispatch(envelopes: Sequence[Envelope]) -> None:
    """Ask for a unicorn for each ride that is due."""
    causes = {DispatchPrebooking.from_data(each.data).prebooking: each for each in envelopes}
    dispatching.dispatch(causes=causes, now=timezone.now())


@subscribe_batch("ride_prebooking.record_ride")
def record_ride(envelopes: Sequence[Envelope]) -> None:
    """Write down which rides were booked, and for which no unicorn was found."""
    outcomes = [_outcome(each) for each in envelopes]
    dispatching.record(outcomes=outcomes, now=timezone.now())


def _outcome(envelope: Envelope) -> Outcome:
    if envelope.type == ride_booking.PrebookedRideBooked.TYPE:
        booked = ride_booking.PrebookedRideBooked.from_data(envelope.data)
        return Outcome(
            prebooking=booked.prebooking, rfq=booked.rfq, ride=booked.ride, cause=envelope
        )
    missed = ride_booking.PrebookedRideMissed.from_data(envelope.data)
    return Outcome(prebooking=missed.prebooking, rfq=missed.rfq, ride=None, cause=envelope)
