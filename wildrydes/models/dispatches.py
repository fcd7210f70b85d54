"""What is on its way: one row for each Celery message."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.functions import TransactionNow
from django.db import models

from wildrydes.models.ids import new_id


class Dispatch(models.Model):
    """One Celery message: these messages, to this subscription, until it is acknowledged.

    It waits while `sent_at` is null; while `lease_until` is ahead it is on the wire or in work.
    `queue` is empty while its subscription is not in the topology.
    `source` says which table holds its messages: the log, or receipts that are to be retried.
    `groups` are the message groups that it holds, where the subscription keeps order.
    """

    class Source(models.TextChoices):
        LOG = "log", "the message log"
        RECEIPTS = "receipts", "receipts to be retried"
        REPLAY = "replay", "the message log, again"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    subscription = models.CharField(max_length=200)
    queue = models.CharField(max_length=200)
    source = models.CharField(max_length=10, choices=Source.choices, default=Source.LOG)
    message_ids = ArrayField(models.UUIDField())
    position = models.BigIntegerField(default=0, help_text="Of its first message in the log.")
    groups = ArrayField(models.CharField(max_length=200), default=list, blank=True)
    size = models.PositiveIntegerField(help_text="Messages in it.")
    weight = models.PositiveIntegerField(help_text="About how many bytes they are.")
    attempt = models.PositiveIntegerField(default=0, help_text="How often it was sent.")
    created_at = models.DateTimeField(db_default=TransactionNow())
    sent_at = models.DateTimeField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "dispatches"
        indexes = [
            models.Index(
                fields=["queue", "position"],
                name="wildrydes_dispatch_waiting",
                condition=models.Q(sent_at__isnull=True),
            ),
            models.Index(
                fields=["queue", "lease_until"],
                name="wildrydes_dispatch_open",
                condition=models.Q(sent_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.subscription} {self.id}"
