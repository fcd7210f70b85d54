"""The shapes of customer payment's API."""

from __future__ import annotations

import re
from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from apps.customer_payment import models
from apps.customer_payment.models import Payment, PaymentEvent, PaymentMethod, Refund
from wildrydes.front_door.fields import MoneyField, StrictSerializer, TextField

TOKEN = re.compile(r"pm_[A-Za-z0-9_]+")


class NewPaymentMethodSerializer(StrictSerializer):
    """A card that the provider knows, under the token that it gave the customer's browser."""

    token = TextField()

    def validate_token(self, token: str) -> str:
        """Return the token; what is none is refused."""
        if not TOKEN.fullmatch(token):
            raise ValidationError("This must be a payment provider's token, such as pm_card_visa.")
        return token


class PaymentMethodSerializer(serializers.Serializer[PaymentMethod]):
    """A card, of which nobody here knows more than this."""

    id = serializers.UUIDField()
    brand = serializers.CharField()
    last4 = serializers.CharField()
    card = serializers.SerializerMethodField()
    is_default = serializers.BooleanField()
    created_at = serializers.DateTimeField()

    def get_card(self, method: PaymentMethod) -> str:
        """Return the card as it is shown."""
        return models.card(method.last4)


class PaymentMethodsSerializer(serializers.Serializer[Any]):
    """The calling customer's cards."""

    results = PaymentMethodSerializer(many=True)


class PaymentEventSerializer(serializers.Serializer[PaymentEvent]):
    """One thing that happened to a payment."""

    kind = serializers.CharField()
    at = serializers.DateTimeField()
    amount = MoneyField(allow_null=True)
    note = serializers.CharField()


class RefundSerializer(serializers.Serializer[Refund]):
    """Money that was given back."""

    id = serializers.UUIDField()
    amount = MoneyField()
    provider_id = serializers.CharField()
    refunded_at = serializers.DateTimeField()


class PaymentSerializer(serializers.Serializer[Payment]):
    """A payment with its story."""

    id = serializers.UUIDField()
    reference = serializers.CharField()
    customer = serializers.CharField()
    amount = MoneyField()
    captured = MoneyField()
    refunded = MoneyField()
    currency = serializers.CharField()
    status = serializers.ChoiceField(choices=Payment.Status.choices)
    card = serializers.SerializerMethodField()
    provider_id = serializers.CharField()
    reason = serializers.CharField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    refunds = RefundSerializer(many=True)
    events = serializers.SerializerMethodField()

    def get_card(self, payment: Payment) -> str:
        """Return the card as it is shown."""
        return models.card(payment.last4)

    def get_events(self, payment: Payment) -> list[dict[str, Any]]:
        """Return what happened, in order."""
        rows = sorted(payment.events.all(), key=lambda event: event.pk)
        return [PaymentEventSerializer(row).data for row in rows]


class PaymentsSerializer(serializers.Serializer[Any]):
    """The payments that were looked for."""

    results = PaymentSerializer(many=True)


class ReferenceSerializer(serializers.Serializer[Any]):
    """Which payment is looked for."""

    reference = serializers.CharField(max_length=200)
