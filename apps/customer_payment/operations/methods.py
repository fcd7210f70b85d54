"""Keep the cards that customers pay with: the provider's tokens for them, and nothing more."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import connection, transaction

from apps.customer_payment import gateway
from apps.customer_payment.models import PaymentMethod

LOCK = "SELECT pg_advisory_xact_lock(hashtext('customer_payment.methods'), hashtext(%s))"
MOST = 20


class TooManyError(Exception):
    """The customer has as many cards as we keep."""


def add(*, customer: str, token: str, now: datetime) -> PaymentMethod:
    """Keep a card; a customer's first one is the default. One that is kept already is returned.

    Raises `TooManyError`, and what the gateway raises; then nothing has been kept.
    """
    mine = PaymentMethod.objects.filter(customer=customer)
    if mine.count() >= MOST:
        raise TooManyError(customer)
    for known in mine.filter(token=token):
        return known
    owners = mine.exclude(provider_customer="").values_list("provider_customer", flat=True)
    kept = gateway.current().attach(
        token, customer=customer, provider_customer=owners.first() or ""
    )
    with transaction.atomic():
        _lock(customer)
        method, _ = PaymentMethod.objects.get_or_create(
            customer=customer,
            token=kept.token,
            defaults={
                "provider_customer": kept.provider_customer,
                "brand": kept.brand,
                "last4": kept.last4,
                "is_default": not mine.filter(is_default=True).exists(),
                "created_at": now,
            },
        )
    return method


def make_default(*, customer: str, method_id: UUID) -> PaymentMethod:
    """Make a card the one that payments are taken from. Raises `PaymentMethod.DoesNotExist`."""
    with transaction.atomic():
        _lock(customer)
        mine = PaymentMethod.objects.filter(customer=customer)
        method = mine.get(id=method_id)
        mine.exclude(id=method_id).update(is_default=False)
        method.is_default = True
        method.save(update_fields=["is_default"])
    return method


def remove(*, customer: str, method_id: UUID) -> None:
    """Forget a card, here and at the provider; the newest of the others becomes the default.

    Raises `PaymentMethod.DoesNotExist`, and what the gateway raises; then nothing is forgotten.
    """
    mine = PaymentMethod.objects.filter(customer=customer)
    gateway.current().detach(mine.get(id=method_id).token)
    with transaction.atomic():
        _lock(customer)
        mine.filter(id=method_id).delete()
        newest = mine.order_by("-id").first()
        if newest is not None and not mine.filter(is_default=True).exists():
            newest.is_default = True
            newest.save(update_fields=["is_default"])


def _lock(customer: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(LOCK, [customer])
