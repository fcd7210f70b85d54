"""How a statement is written."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers


class LineSerializer(serializers.Serializer[Any]):
    """One line of a statement; `balance` is what was owed once it had been entered."""

    id = serializers.UUIDField(source="entry")
    ride = serializers.UUIDField(source="ride_completion", help_text="The ride completion.")
    description = serializers.CharField()
    amount = serializers.DecimalField(max_digits=14, decimal_places=2)
    balance = serializers.DecimalField(max_digits=None, decimal_places=2)
    occurred_at = serializers.DateTimeField()


class StatementSerializer(serializers.Serializer[Any]):
    """A page of a customer's account, newest first; `balance` is what is owed now."""

    customer = serializers.CharField()
    currency = serializers.CharField()
    balance = serializers.DecimalField(max_digits=None, decimal_places=2)
    entries = LineSerializer(many=True, source="lines")
    next = serializers.URLField(allow_null=True, read_only=True)
