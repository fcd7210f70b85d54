"""What the provider tells us by itself: believed only with its signature."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import stripe
from django.conf import settings

from apps.customer_payment.gateway import amounts


class NotSignedError(Exception):
    """The provider did not sign this, or not lately."""


@dataclass(frozen=True, kw_only=True)
class Told:
    """One event of the provider's. `intent` is empty where it is about none."""

    id: str
    type: str
    intent: str
    amount: Decimal | None
    note: str


def read(payload: bytes, *, signature: str) -> Told:
    """Return what was told; raises `NotSignedError` unless the provider has signed it."""
    try:
        event = stripe.Webhook.construct_event(
            payload, signature, settings.STRIPE_WEBHOOK_SECRET
        ).to_dict()
        about = event["data"]["object"]
        return Told(
            id=str(event["id"]),
            type=str(event["type"]),
            intent=_intent(about),
            amount=_amount(about),
            note=str(about.get("reason") or about.get("status") or "")[:200],
        )
    except (stripe.SignatureVerificationError, ValueError, KeyError, AttributeError) as error:
        raise NotSignedError(type(error).__name__) from None


def _intent(about: dict[str, Any]) -> str:
    is_intent = about.get("object") == "payment_intent"
    return str(about.get("id" if is_intent else "payment_intent") or "")


def _amount(about: dict[str, Any]) -> Decimal | None:
    units, currency = about.get("amount"), about.get("currency")
    if not isinstance(units, int) or not isinstance(currency, str):
        return None
    return amounts.from_units(units, currency=currency)
