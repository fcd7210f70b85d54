"""What customers read. Whatever others typed is made one plain line first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

SUBJECT_LENGTH = 200
FREE = "There is nothing to pay."


@dataclass(frozen=True)
class Text:
    """A subject of one line, at most `SUBJECT_LENGTH` characters, and a body of plain text."""

    subject: str
    body: str


def single_line(text: str) -> str:
    """Return `text` with every run of blanks, line ends and unprintable characters as one space.

    A line end in a header would begin a header of the sender's choice; a reversed-text mark would
    show what is not there.
    """
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def ride_completed(*, origin: str, destination: str, fare: Decimal, currency: str) -> Text:
    """Return what a customer is told when a ride has ended."""
    route = f"from {single_line(origin)} to {single_line(destination)}"
    amount = f"{fare:.2f} {currency}"
    return Text(
        subject=_cut(f"Your ride {route}"),
        body=f"Your ride {route} is complete.\nThe fare is {amount}.\n\nThank you.",
    )


def ride_booked(
    *, origin: str, destination: str, fleet: str, price: Decimal, currency: str
) -> Text:
    """Return what a customer is told when a ride is booked."""
    route = f"from {single_line(origin)} to {single_line(destination)}"
    return Text(
        subject=_cut(f"Booked: your ride {route}"),
        body=f"Your ride {route} is booked with {single_line(fleet)}.\n"
        f"The price is {price:.2f} {currency}.\n\nYour unicorn is on its way.",
    )


def ride_cancelled(*, origin: str, destination: str, fee: Decimal, currency: str) -> Text:
    """Return what a customer is told when a booked ride will not take place."""
    route = f"from {single_line(origin)} to {single_line(destination)}"
    cost = f"The cancellation fee is {fee:.2f} {currency}." if fee else "There is nothing to pay."
    return Text(
        subject=_cut(f"Cancelled: your ride {route}"),
        body=f"Your ride {route} is cancelled.\n{cost}",
    )


def no_quotes(*, origin: str, destination: str) -> Text:
    """Return what a customer is told when no fleet has offered a ride."""
    route = f"from {single_line(origin)} to {single_line(destination)}"
    return Text(
        subject=_cut(f"No unicorn is free {route}"),
        body=f"We are sorry: no fleet has offered you a ride {route}.\nPlease try again later.",
    )


def prebooked(*, origin: str, destination: str, ride_at: datetime, discount_percent: int) -> Text:
    """Return what a customer is told when a prebooking is confirmed."""
    route = f"from {single_line(origin)} to {single_line(destination)}"
    discount = f"\nYour discount is {discount_percent} %." if discount_percent else ""
    return Text(
        subject=_cut(f"Prebooked: your ride {route}"),
        body=f"Your ride {route} on {_moment(ride_at)} is prebooked.{discount}\n\n"
        "We look for a unicorn when it is time. Until then you may cancel free of charge.",
    )


def prebooking_rejected(
    *, origin: str, destination: str, ride_at: datetime, explanation: str
) -> Text:
    """Return what a customer is told when a prebooking is not to be had, and why."""
    route = f"from {single_line(origin)} to {single_line(destination)}"
    return Text(
        subject=_cut(f"Not prebooked: your ride {route}"),
        body=f"We are sorry: your ride {route} on {_moment(ride_at)} is not prebooked.\n"
        f"{single_line(explanation)}",
    )


def prebooking_cancelled(*, origin: str, destination: str, ride_at: datetime) -> Text:
    """Return what a customer is told when a prebooking is off."""
    route = f"from {single_line(origin)} to {single_line(destination)}"
    return Text(
        subject=_cut(f"Cancelled: your prebooked ride {route}"),
        body=f"Your prebooked ride {route} on {_moment(ride_at)} is cancelled.\n{FREE}",
    )


def prebooking_unfulfilled(*, origin: str, destination: str, ride_at: datetime) -> Text:
    """Return what a customer is told when no unicorn was found for a prebooking."""
    route = f"from {single_line(origin)} to {single_line(destination)}"
    return Text(
        subject=_cut(f"No unicorn for your prebooked ride {route}"),
        body=f"We are sorry: no unicorn was found for your ride {route} on {_moment(ride_at)}.\n"
        f"{FREE}",
    )


def fare_collected(
    *, origin: str, destination: str, amount: Decimal, currency: str, card: str
) -> Text:
    """Return what a customer is told when a fare was collected. A free ride has no card."""
    route = f"from {single_line(origin)} to {single_line(destination)}"
    paid = f"We have charged {amount:.2f} {currency} to your card {card}." if card else FREE
    return Text(
        subject=_cut(f"Paid: your ride {route}"), body=f"{paid}\nIt is for your ride {route}."
    )


def fare_failed(
    *,
    origin: str,
    destination: str,
    amount: Decimal,
    currency: str,
    reason: str,
    given_back: bool,
) -> Text:
    """Return what a customer is told when a fare could not be collected, and why."""
    route = f"from {single_line(origin)} to {single_line(destination)}"
    kept = "What was charged has been given back." if given_back else "Nothing was charged."
    return Text(
        subject=_cut(f"Not paid: your ride {route}"),
        body=f"We could not collect the fare of {amount:.2f} {currency} for your ride {route}: "
        f"{single_line(reason)}.\n{kept}\n\nThe fare is still to be paid.",
    )


def fare_refunded(
    *, origin: str, destination: str, amount: Decimal, currency: str, card: str
) -> Text:
    """Return what a customer is told when money was given back."""
    route = f"from {single_line(origin)} to {single_line(destination)}"
    return Text(
        subject=_cut(f"Refunded: your ride {route}"),
        body=f"We have given {amount:.2f} {currency} back to your card {card}.\n"
        f"It is for your ride {route}.",
    )


def fare_stuck(*, saga: UUID, collection: UUID, customer: str, step: str, reason: str) -> Text:
    """Return what staff are told when a fare waits for one of them."""
    return Text(
        subject=_cut(f"A fare needs you: {single_line(customer)}, {single_line(step)}"),
        body=f"Fare collection {collection} of customer {single_line(customer)} cannot go on by "
        f"itself.\nSaga: {saga}\nStep: {single_line(step)}\nReason: {single_line(reason)}\n\n"
        "Retry it, skip the step, supply its result or force it, in the admin or with "
        "`manage.py sagas`.",
    )


def letter(*, name: str, body: str) -> str:
    """Return a body with its salutation, as it is sent by e-mail."""
    salutation = f"Hello {single_line(name)}," if single_line(name) else "Hello,"
    return f"{salutation}\n\n{body}\n\nWild Rydes\n"


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%d %B %Y at %H:%M} UTC"


def _cut(text: str) -> str:
    return text if len(text) <= SUBJECT_LENGTH else text[: SUBJECT_LENGTH - 1] + "…"
