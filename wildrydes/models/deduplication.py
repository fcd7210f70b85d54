"""Which messages were published already."""

from __future__ import annotations

from django.db import models


class Deduplication(models.Model):
    """Which message was the first of its type with this deduplication id, and until when."""

    pk = models.CompositePrimaryKey("type", "deduplication_id")
    type = models.CharField(max_length=200)
    deduplication_id = models.CharField(max_length=200)
    message_id = models.UUIDField()
    expires_at = models.DateTimeField()

    class Meta:
        verbose_name = "deduplication id"
        indexes = [models.Index(fields=["expires_at"], name="wildrydes_deduplication_old")]

    def __str__(self) -> str:
        return f"{self.type} {self.deduplication_id}"
