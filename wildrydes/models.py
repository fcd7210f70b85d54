"""The kernel's tables: what Postgres knows about every message.

`Message` is the outbox and the event log, `Unrouted` what the relay has yet to look at,
`Dispatch` what is waiting for or is on the wire, `Receipt` what became of it at the consumer.
Triggers (see the first migration) keep `Unrouted` and wake the relay, so that no way of writing a
message can forget to.
"""

from __future__ import annotations

from functools import cache
from uuid import UUID, uuid4

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.functions import TransactionNow
from django.db import models
from uuid_utils.compat import uuid7

from wildrydes.envelope import Envelope


def new_id() -> UUID:
    """Return a UUIDv7: unique without coordination, and in order of time."""
    return uuid7()


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
    reply_to = models.CharField(max_length=200, blank=True)
    not_before = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    trace_parent = models.CharField(max_length=100, blank=True)
    data = models.JSONField()
    published_at = models.DateTimeField(db_default=TransactionNow())

    class Meta:
        verbose_name = "message"

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


class Dispatch(models.Model):
    """One Celery message: these messages, to this subscription, until it is acknowledged.

    It waits while `sent_at` is null; while `lease_until` is ahead it is on the wire or in work.
    `source` says which table holds its messages: the log, or receipts that are to be retried.
    """

    class Source(models.TextChoices):
        LOG = "log", "the message log"
        RECEIPTS = "receipts", "receipts to be retried"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    subscription = models.CharField(max_length=200)
    queue = models.CharField(max_length=200)
    source = models.CharField(max_length=10, choices=Source.choices, default=Source.LOG)
    message_ids = ArrayField(models.UUIDField())
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
                fields=["queue", "id"],
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


class Receipt(models.Model):
    """Idempotent Receiver: what became of one message at one subscription.

    Unique on both, so that a message which arrives twice takes effect once. While it is not done
    it keeps the message itself, and is the retry schedule and the dead letter queue.
    `next_attempt_at` is null while a retry is dispatched.
    """

    class Status(models.TextChoices):
        DONE = "done"
        RETRYING = "retrying"
        PARKED = "parked"
        DEAD = "dead"

    subscription = models.CharField(max_length=200)
    message_id = models.UUIDField()
    message_type = models.CharField(max_length=200)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.DONE)
    attempts = models.PositiveIntegerField(default=1)
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    dispatch_id = models.UUIDField(null=True, blank=True)
    dispatched_at = models.DateTimeField(null=True, blank=True)
    received_at = models.DateTimeField(db_default=TransactionNow())
    done_at = models.DateTimeField(null=True, blank=True)
    error = models.TextField(blank=True)
    traceback = models.TextField(blank=True)
    message = models.JSONField(null=True, blank=True)

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
        ]

    def __str__(self) -> str:
        return f"{self.subscription} {self.message_id}: {self.status}"


class Database(models.Model):
    """The one row that gives this database an identity, so that an acknowledgement finds home."""

    only = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    identity = models.UUIDField(default=uuid4, editable=False)

    def __str__(self) -> str:
        return str(self.identity)


@cache
def origin() -> str:
    """Return this database's identity, which it gets when it is first asked for.

    Ask outside a transaction, so that what a process remembers is what was committed.
    """
    return str(Database.objects.get_or_create(only=1)[0].identity)
