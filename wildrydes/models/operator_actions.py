"""Who did what: the record of everything that a person did to messages."""

from __future__ import annotations

from django.contrib.postgres.functions import TransactionNow
from django.db import models


class OperatorAction(models.Model):
    """Audit record: one thing that one person did. Append-only; a change or deletion is refused.

    What concerns one dead letter names its receipt and message; what concerns many at once, such
    as a canary redrive, says in `detail` which.
    """

    at = models.DateTimeField(db_default=TransactionNow())
    by = models.CharField(max_length=200)
    action = models.CharField(max_length=40)
    subscription = models.CharField(max_length=200, blank=True, default="")
    receipt_id = models.BigIntegerField(null=True, blank=True)
    message_id = models.UUIDField(null=True, blank=True)
    detail = models.JSONField(default=dict, blank=True)

    class Meta:
        default_permissions = ("view",)
        indexes = [models.Index(fields=["message_id"], name="wildrydes_action_message")]

    def __str__(self) -> str:
        return f"{self.by}: {self.action}"
