"""Which messages customers are told of, and how they are reached."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils import timezone

from apps.customer_notification import operations
from apps.customer_notification.messages import SendEmail
from apps.identity import messages as identity
from apps.unicorn_management import messages as unicorn_management
from wildrydes.envelope import Envelope
from wildrydes.subscriptions import subscribe, subscribe_batch


@subscribe_batch("customer_notification.record_contact")
def record_contact(envelopes: Sequence[Envelope]) -> None:
    """Keep the address of each customer who has registered."""
    operations.record_contacts(addresses=[_address(envelope) for envelope in envelopes])


@subscribe_batch("customer_notification.notify_customer")
def notify_customer(envelopes: Sequence[Envelope]) -> None:
    """Tell the customer of each completed ride."""
    rides = [_completed(envelope) for envelope in envelopes]
    operations.notify_of_rides(rides=rides, now=timezone.now())


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


def _completed(envelope: Envelope) -> operations.CompletedRide:
    ride = unicorn_management.RideCompleted.from_data(envelope.data)
    return operations.CompletedRide(
        ride_completion=ride.ride_completion,
        customer=ride.customer,
        origin=ride.origin,
        destination=ride.destination,
        fare=ride.fare,
        currency=ride.currency,
        cause=envelope,
    )
