"""What many were asked at once, until when, and what each of them said."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.functions import TransactionNow
from django.db import models


class Scatter(models.Model):
    """Scatter-Gather: one question to many. Its id is that of the request's message.

    `asked` are the responders by name. `rule` says when it is complete, with `wanted` as its
    number, and `closed_because` why it ended: completed, deadline, or what whoever closed it
    said. `error` says why the aggregate's event is missing, where it is.
    """

    class Status(models.TextChoices):
        OPEN = "open"
        CLOSED = "closed"

    class Rule(models.TextChoices):
        ALL = "all", "all have responded"
        QUORUM = "quorum", "so many have responded"
        FIRST = "first", "so many have answered"
        DEADLINE = "deadline", "the deadline only"

    id = models.UUIDField(primary_key=True, editable=False)
    gathering = models.CharField(max_length=200)
    asked = ArrayField(models.CharField(max_length=200), default=list)
    rule = models.CharField(max_length=10, choices=Rule.choices, default=Rule.ALL)
    wanted = models.PositiveIntegerField(default=0)
    opened_at = models.DateTimeField(db_default=TransactionNow())
    deadline_at = models.DateTimeField()
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.OPEN)
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_because = models.CharField(max_length=40, blank=True, default="")
    error = models.TextField(blank=True, default="")

    class Meta:
        default_permissions = ("view",)
        indexes = [
            models.Index(
                fields=["deadline_at"],
                name="wildrydes_scatter_open",
                condition=models.Q(status="open"),
            ),
            models.Index(
                fields=["gathering"],
                name="wildrydes_scatter_failed",
                condition=~models.Q(error=""),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.gathering} {self.id}: {self.status}"


class Response(models.Model):
    """What became of the question at one responder; unique on both.

    `late` came after the end, and counted for nothing. Whoever had not responded by then is
    `timed_out`, until a late answer takes that place.
    """

    class Outcome(models.TextChoices):
        ANSWERED = "answered", "answered"
        DECLINED = "declined", "declined"
        FAILED = "failed", "failed"
        TIMED_OUT = "timed_out", "timed out"

    scatter = models.ForeignKey(
        Scatter, on_delete=models.CASCADE, related_name="responses", db_index=False
    )
    responder = models.CharField(max_length=200)
    outcome = models.CharField(max_length=10, choices=Outcome.choices)
    late = models.BooleanField(default=False)
    data = models.JSONField(default=dict)
    reason = models.TextField(blank=True, default="")
    received_at = models.DateTimeField(db_default=TransactionNow())

    class Meta:
        default_permissions = ("view",)
        constraints = [
            models.UniqueConstraint(
                fields=["scatter", "responder"], name="wildrydes_response_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.responder}: {self.outcome}"
