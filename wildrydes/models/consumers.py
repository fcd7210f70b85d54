"""Who works on what, as far as they have said so."""

from __future__ import annotations

from django.contrib.postgres.functions import TransactionNow
from django.db import models


class Consumer(models.Model):
    """One worker that serves one subscription, and when it was last heard of."""

    subscription = models.CharField(max_length=200)
    queue = models.CharField(max_length=200)
    worker = models.CharField(max_length=200)
    first_seen = models.DateTimeField(db_default=TransactionNow())
    last_seen = models.DateTimeField(db_default=TransactionNow())

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["subscription", "worker"], name="wildrydes_consumer_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.worker}: {self.subscription}"
