"""What a payment provider can be asked, in our words.

An intent is the provider's record of one payment: it is opened, which touches no money, then
confirmed (the amount is authorised), then captured or cancelled; what was captured can be refunded.
Whatever touches money takes an idempotency key: under the same key it happens once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Protocol


class GatewayError(Exception):
    """The provider could not be asked, or did not understand: ours to put right."""


class UnknownOutcomeError(GatewayError):
    """The provider did not answer: it may have done what it was asked, or not, or do it yet."""


class DeclinedError(Exception):
    """The provider has said no, and nothing was done. The text says why, for people."""


class State(StrEnum):
    """How an intent stands."""

    OPEN = "open"
    DECLINED = "declined"
    AUTHORISED = "authorised"
    CAPTURED = "captured"
    CANCELLED = "cancelled"


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A payment that is to be opened. `token` and `provider_customer` say with which card."""

    reference: str
    customer: str
    amount: Decimal
    currency: str
    description: str
    token: str
    provider_customer: str


@dataclass(frozen=True, kw_only=True)
class Intent:
    """How a payment stands at the provider. `reason` is there when it was declined."""

    id: str
    state: State
    amount: Decimal
    captured: Decimal
    currency: str
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Refund:
    """Money that the provider has given back, under the key with which it was asked to."""

    id: str
    amount: Decimal
    key: str


@dataclass(frozen=True, kw_only=True)
class AttachedCard:
    """A card that the provider keeps for a customer."""

    token: str
    provider_customer: str
    brand: str
    last4: str


class Gateway(Protocol):
    """A payment provider.

    Each raises `DeclinedError` when the provider says no, `UnknownOutcomeError` when it does not
    answer, and `GatewayError` when we are at fault. Safe to be used by several threads.
    """

    def open(self, wanted: Wanted, *, key: str) -> Intent:
        """Open an intent."""

    def find(self, intent: str) -> Intent:
        """Return how an intent stands."""

    def confirm(self, intent: str, *, key: str) -> Intent:
        """Have the card authorise the amount."""

    def capture(self, intent: str, *, key: str) -> Intent:
        """Take what is authorised."""

    def cancel(self, intent: str, *, key: str) -> Intent:
        """Let go of what is authorised, and end the intent."""

    def refund(self, intent: Intent, *, amount: Decimal, key: str) -> Refund:
        """Give back an amount of what was captured."""

    def refunds(self, intent: Intent) -> Sequence[Refund]:
        """Return what was given back."""

    def attach(self, token: str, *, customer: str, provider_customer: str) -> AttachedCard:
        """Keep a card for a customer, who is opened if the provider does not know them."""

    def detach(self, token: str) -> None:
        """Keep a card no longer; one that is not kept is no error."""
