"""The way to the payment provider: a port, and the adapter that speaks to Stripe.

The sandbox provider speaks the same protocol, so the one adapter serves both; which of them is
asked is the setting `STRIPE_API_BASE`.
"""

from apps.customer_payment.gateway.port import (
    AttachedCard,
    DeclinedError,
    Gateway,
    GatewayError,
    Intent,
    Refund,
    State,
    UnknownOutcomeError,
    Wanted,
)
from apps.customer_payment.gateway.stripe_gateway import current

__all__ = [
    "AttachedCard",
    "DeclinedError",
    "Gateway",
    "GatewayError",
    "Intent",
    "Refund",
    "State",
    "UnknownOutcomeError",
    "Wanted",
    "current",
]
