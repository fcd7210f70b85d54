"""What was published: the outbox and event log, and what the relay has yet to look at."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.functions import TransactionNow
from django.contrib.postgres.indexes import BrinIndex
from django.db import models

from wildrydes.envelope import Envelope
from wildrydes.models.ids import new_id


class Message(models.Model):
    """Guaranteed Delivery: one committed message. Append-only; an update is refused."""

    position = models.BigAutoField(primary_key=True)
    id = models.UUIDField(unique=True, default=new_id, editable=False)
    type = models.CharField(max_length=200)
    kind = models.CharField(max_length=10)
    source = models.CharField(max_length=200)
    subject = models.CharField(max_length=200, blank=True)
    group_id = models.CharField(max_length=200, blank=True)
    correlation_id = models.CharField(max_length=200, blank=True)
    causation_id = models.UUIDField(null=True, blank=True)
    recipients = ArrayField(models.CharField(max_length=200), null=True, blank=True)
    reply_to = models.CharField(max_length=200, blank=True)
    not_before = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    trace_parent = models.CharField(max_length=100, blank=True)
    data = models.JSONField()
    published_at = models.DateTimeField(db_default=TransactionNow())

    class Meta:
        verbose_name = "message"
        indexes = [BrinIndex(fields=["published_at"], name="wildrydes_message_time")]

    def __str__(self) -> str:
        return f"{self.type} {self.id}"

    def to_envelope(self) -> Envelope:
        """Return the message as it travels."""
        return Envelope(
            id=self.id,
            type=self.type,
            kind=self.kind,  # type: ignore[arg-type]
            source=self.source,
            subject=self.subject,
            time=self.published_at,
            data=self.data,
            position=self.position,
            group_id=self.group_id,
            correlation_id=self.correlation_id,
            causation_id=self.causation_id,
            reply_to=self.reply_to,
            expires_at=self.expires_at,
            trace_parent=self.trace_parent,
        )


class Unrouted(models.Model):
    """A message that the relay has not yet turned into dispatches. Written by a trigger."""

    pk = models.CompositePrimaryKey("due_at", "position")
    due_at = models.DateTimeField()
    position = models.BigIntegerField()

    class Meta:
        verbose_name = "unrouted message"

    def __str__(self) -> str:
        return f"position {self.position}"
