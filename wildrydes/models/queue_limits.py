"""How many messages a second a queue hands out, where that is limited."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now


class QueueLimit(models.Model):
    """Token bucket of one queue: one token for each message, `per_second` new ones.

    Relays keep `tokens` and `refilled_at`, in the database's time. Where an operator has changed
    the limit it is `per_second`, null for none, and `changed_at` says so. Else the topology's
    holds.
    """

    queue = models.CharField(max_length=200, unique=True)
    per_second = models.FloatField(null=True, blank=True)
    tokens = models.FloatField(default=0)
    refilled_at = models.DateTimeField(db_default=Now())
    changed_by = models.CharField(max_length=200, blank=True, default="")
    changed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "wildrydes_queue_limit"
        default_permissions = ("view",)
        permissions = [("limit_queue", "Can change how much queues hand out a second")]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(per_second__gt=0), name="wildrydes_queue_limit_rate"
            ),
        ]

    def __str__(self) -> str:
        return self.queue
