"""How payments stand with us, under a lock on each reference until the transaction ends."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import connection

from apps.customer_payment.gateway import Intent
from apps.customer_payment.models import Payment, PaymentEvent, ProviderIntent

# In order of key, so that two batches wait for each other and do not deadlock.
LOCK = """
SELECT pg_advisory_xact_lock(hashtext('customer_payment'), key) FROM (
    SELECT DISTINCT hashtext(reference) AS key FROM unnest(%s::text[]) AS reference ORDER BY key
) AS keys
"""

WRITE_AHEAD = """
INSERT INTO customer_payment_providerintent (reference, provider_id, last4, opened_at)
SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::timestamptz[])
ON CONFLICT (reference) DO NOTHING
"""

REFUSED = (PaymentEvent.Kind.CAPTURE_DECLINED, PaymentEvent.Kind.REFUND_DECLINED)


@dataclass(frozen=True, kw_only=True)
class Order:
    """A command about one payment. `key` is the same whenever the command is sent again.

    `position` is its place in the log of whoever sent it: what is sent again stands further on.
    """

    reference: str
    key: str
    position: int = 0


@dataclass(frozen=True, kw_only=True)
class Settled:
    """What came of an order: how the payment stands, and why it was declined if it was."""

    payment: Payment | None
    declined: str = ""
    amount: Decimal | None = None


@dataclass(frozen=True, kw_only=True)
class Refusals:
    """How often the provider has refused an order, and the position of the last such command."""

    count: int = 0
    last: int = 0


@dataclass(kw_only=True)
class Standing:
    """What is known of one reference. `refusals` has what the provider refused, by key."""

    payment: Payment | None = None
    intent: ProviderIntent | None = None
    refusals: Mapping[str, Refusals] = field(default_factory=dict)
    opened: Intent | None = None
    obstacle: str = ""

    def provider_key(self, order: Order) -> str:
        """Return the idempotency key for the provider.

        It is the order's own, until the provider has refused it for certain: under the same key it
        would only say the same again, also when the reason is gone.
        """
        refused = self.refusals.get(order.key)
        return f"{order.key}#{refused.count + 1}" if refused else order.key

    def is_overtaken(self, order: Order) -> bool:
        """Say whether the order has been refused since this command of it was sent.

        Whoever sent it knows of the refusal and has gone on. An older command that comes only now,
        a dead letter say, would move money under another key that nobody waits for.
        """
        refused = self.refusals.get(order.key)
        return refused is not None and order.position < refused.last


def locked(orders: Iterable[Order]) -> dict[str, Standing]:
    """Lock the orders' references and return how each stands, in four statements."""
    references = {order.reference for order in orders}
    with connection.cursor() as cursor:
        cursor.execute(LOCK, [list(references)])
    payments = Payment.objects.filter(reference__in=references)
    standings = {reference: Standing() for reference in references}
    for payment in payments:
        standings[payment.reference].payment = payment
    for intent in ProviderIntent.objects.filter(reference__in=references):
        standings[intent.reference].intent = intent
    for reference, refused in _refusals(references).items():
        standings[reference].refusals = refused
    return standings


def write_ahead(intents: Sequence[ProviderIntent]) -> None:
    """Commit whom to ask, now, whatever becomes of the transaction that we are in."""
    if not intents:
        return
    columns: list[Any] = [
        [intent.reference for intent in intents],
        [intent.provider_id for intent in intents],
        [intent.last4 for intent in intents],
        [intent.opened_at for intent in intents],
    ]
    with closing(connection.copy()) as own, own.cursor() as cursor:
        cursor.execute(WRITE_AHEAD, columns)


def note(
    payment: Payment,
    kind: str,
    *,
    order: Order,
    now: datetime,
    amount: Decimal | None = None,
    why: str = "",
) -> None:
    """Write down what happened to a payment."""
    PaymentEvent.objects.create(
        payment=payment,
        kind=kind,
        at=now,
        amount=amount,
        key=order.key,
        command_position=order.position,
        note=why,
    )


def call_off(order: Order, *, now: datetime) -> Payment:
    """Keep a late authorisation of this reference out."""
    payment = Payment.objects.create(
        reference=order.reference, status=Payment.Status.VOID, created_at=now, updated_at=now
    )
    note(payment, PaymentEvent.Kind.VOID, order=order, now=now)
    return payment


def _refusals(references: Iterable[str]) -> dict[str, dict[str, Refusals]]:
    rows = PaymentEvent.objects.filter(payment__reference__in=references, kind__in=REFUSED)
    found: dict[str, dict[str, Refusals]] = {}
    for reference, key, position in rows.values_list(
        "payment__reference", "key", "command_position"
    ):
        of_payment = found.setdefault(reference, {})
        known = of_payment.get(key, Refusals())
        of_payment[key] = Refusals(count=known.count + 1, last=max(known.last, position))
    return found
