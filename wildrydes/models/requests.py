"""What was asked, until when an answer is awaited, and what came."""

from __future__ import annotations

from django.contrib.postgres.functions import TransactionNow
from django.db import models


class Request(models.Model):
    """Request-Reply: a command that wants an answer. Its id is that of the command's message.

    `late` is an answer that came after the deadline; it is kept, and the status stays `timed_out`.
    `on_timeout` is the event, as type, subject and data, that is published if nothing comes in
    time.
    """

    class Status(models.TextChoices):
        OPEN = "open"
        ANSWERED = "answered"
        TIMED_OUT = "timed_out"

    id = models.UUIDField(primary_key=True, editable=False)
    type = models.CharField(max_length=200)
    reply_to = models.CharField(max_length=200)
    correlation_id = models.CharField(max_length=200)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.OPEN)
    requested_at = models.DateTimeField(db_default=TransactionNow())
    deadline = models.DateTimeField()
    timed_out_at = models.DateTimeField(null=True, blank=True)
    answered_at = models.DateTimeField(null=True, blank=True)
    late = models.BooleanField(default=False)
    reply_type = models.CharField(max_length=200, blank=True, default="")
    reply = models.JSONField(null=True, blank=True)
    on_timeout = models.JSONField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["deadline"],
                name="wildrydes_request_open",
                condition=models.Q(status="open"),
            ),
            models.Index(fields=["correlation_id"], name="wildrydes_request_correlation"),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.id}: {self.status}"
