"""How notifications are written."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers


class NotificationSerializer(serializers.Serializer[Any]):
    """One thing that a customer was told; `emailed_at` is null unless it went by e-mail."""

    id = serializers.UUIDField()
    kind = serializers.CharField()
    subject = serializers.CharField()
    body = serializers.CharField()
    created_at = serializers.DateTimeField()
    emailed_at = serializers.DateTimeField(allow_null=True)


class InboxSerializer(serializers.Serializer[Any]):
    """A page of notifications, newest first."""

    notifications = NotificationSerializer(many=True)
    next = serializers.URLField(allow_null=True)
