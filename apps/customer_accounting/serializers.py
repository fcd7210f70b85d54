"""How a statement is written."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from apps.customer_accounting import queries


class LineSerializer(serializers.Serializer[Any]):
    """One line of a statement; `balance` is what was owed once it had been entered.

    `receivable` is how the whole ride stands now.
    """

    id = serializers.UUIDField(source="entry")
    kind = serializers.CharField()
    ride = serializers.UUIDField(source="ride_completion", help_text="The ride completion.")
    description = serializers.CharField()
    amount = serializers.DecimalField(max_digits=14, decimal_places=2)
    balance = serializers.DecimalField(max_digits=None, decimal_places=2)
    receivable = serializers.ChoiceField(
        choices=[queries.OPEN, queries.SETTLED, queries.WRITTEN_OFF]
    )
    occurred_at = serializers.DateTimeField()


class StatementSerializer(serializers.Serializer[Any]):
    """A page of a customer's account, newest first; `balance` is what is owed now."""

    customer = serializers.CharField()
    currency = serializers.CharField()
    balance = serializers.DecimalField(max_digits=None, decimal_places=2)
    entries = LineSerializer(many=True, source="lines")
    next = serializers.URLField(allow_null=True, read_only=True)
