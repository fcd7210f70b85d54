"""What became of each message at each subscription."""

from __future__ import annotations

from django.contrib.postgres.functions import TransactionNow
from django.db import models


class Receipt(models.Model):
    """Idempotent Receiver: what became of one message at one subscription.

    Unique on both, so that a message which arrives twice takes effect once. While it is not done
    it keeps the message itself, and is the retry schedule and the dead letter queue.
    `next_attempt_at` is null while a retry is dispatched. `parked` waits behind an earlier message
    of its group; `dropped` was let go of, and `error` says why. `original_message` is what arrived,
    where a person has edited `message` since. `answer` is what a responder said, so that it says
    the same when it is asked again; with it a message that was retried stays.
    """

    class Status(models.TextChoices):
        DONE = "done"
        RETRYING = "retrying"
        PARKED = "parked"
        DEAD = "dead"
        DROPPED = "dropped"

    subscription = models.CharField(max_length=200)
    message_id = models.UUIDField()
    message_type = models.CharField(max_length=200)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.DONE)
    attempts = models.PositiveIntegerField(default=1)
    starts = models.PositiveIntegerField(
        default=0, help_text="How often a worker began on it alone and has not come back."
    )
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    dispatch_id = models.UUIDField(null=True, blank=True)
    dispatched_at = models.DateTimeField(null=True, blank=True)
    received_at = models.DateTimeField(db_default=TransactionNow())
    done_at = models.DateTimeField(null=True, blank=True)
    group_id = models.CharField(max_length=200, blank=True, default="")
    position = models.BigIntegerField(default=0)
    worker = models.CharField(max_length=200, blank=True, default="")
    first_failed_at = models.DateTimeField(null=True, blank=True)
    last_failed_at = models.DateTimeField(null=True, blank=True)
    error = models.TextField(blank=True)
    traceback = models.TextField(blank=True)
    message = models.JSONField(null=True, blank=True)
    original_message = models.JSONField(null=True, blank=True)
    answer = models.JSONField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["message_id", "subscription"], name="wildrydes_receipt_once"
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_attempt_at"],
                name="wildrydes_receipt_retry",
                condition=models.Q(status="retrying"),
            ),
            models.Index(
                fields=["status", "subscription", "id"],
                name="wildrydes_receipt_not_done",
                condition=~models.Q(status="done"),
            ),
            models.Index(
                fields=["subscription", "group_id", "position"],
                name="wildrydes_receipt_group",
                condition=models.Q(status__in=["retrying", "parked", "dead"])
                & ~models.Q(group_id=""),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.subscription} {self.message_id}: {self.status}"
