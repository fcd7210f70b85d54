"""Which messages the fleets listen to: requests for quotes, and what becomes of rides."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Protocol
from uuid import UUID

from django.conf import settings
from django.utils import timezone

from apps.ride_booking import messages as ride_booking
from apps.unicorn_management.fleets import operations, quoting
from apps.unicorn_management.messages import FLEETS, GiveQuote
from wildrydes import envelope as envelopes
from wildrydes import scatter_gather
from wildrydes.envelope import Envelope
from wildrydes.scatter_gather import Answer
from wildrydes.subscriptions import subscribe_batch


class RideMoved(Protocol):
    """What every event of a booked ride says."""

    @property
    def ride(self) -> UUID:
        """Return the ride."""

    @property
    def unicorn(self) -> str:
        """Return the unicorn that is on it."""


ON_RIDE: Mapping[str, Callable[[Mapping[str, Any]], RideMoved]] = {
    ride_booking.RideBooked.TYPE: ride_booking.RideBooked.from_data,
    ride_booking.RideStarted.TYPE: ride_booking.RideStarted.from_data,
}
OFF_RIDE: Mapping[str, Callable[[Mapping[str, Any]], RideMoved]] = {
    ride_booking.RideCancelled.TYPE: ride_booking.RideCancelled.from_data,
    ride_booking.RideFinished.TYPE: ride_booking.RideFinished.from_data,
}


def quote(slug: str, received: Sequence[Envelope]) -> list[Answer | None]:
    """Answer, for this fleet, what a ride would cost."""
    return quoting.answer(
        slug=slug,
        asked=[quoting.Asked.by(envelope) for envelope in received],
        currency=settings.CURRENCY,
        now=timezone.now(),
    )


for fleet in FLEETS:
    scatter_gather.answers(f"unicorn_management.quote.{fleet}")(partial(quote, fleet))


@subscribe_batch("unicorn_management.give_quote")
def give_quote(received: Sequence[Envelope]) -> None:
    """Answer for the fleets that took their time."""
    commands = [GiveQuote.from_data(envelope.data) for envelope in received]
    asked = [
        (command.fleet, quoting.Asked.by(envelopes.from_cloudevent(command.request)))
        for command in commands
    ]
    answers = quoting.answer_on_behalf(asked=asked, currency=settings.CURRENCY, now=timezone.now())
    scatter_gather.reply_each(
        [
            scatter_gather.Reply(to=item.envelope, responder=slug, answer=answer)
            for (slug, item), answer in zip(asked, answers, strict=True)
        ]
    )


@subscribe_batch("unicorn_management.follow_rides")
def follow_rides(received: Sequence[Envelope]) -> None:
    """Keep which unicorn is on which ride."""
    operations.follow_rides(moves=[_move(envelope) for envelope in received])


def _move(envelope: Envelope) -> operations.Move:
    is_over = envelope.type in OFF_RIDE
    event = (OFF_RIDE if is_over else ON_RIDE)[envelope.type](envelope.data)
    return operations.Move(
        unicorn=event.unicorn, ride=event.ride, at=envelope.time, is_over=is_over
    )
