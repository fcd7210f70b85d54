"""Sagas: how far each has come, and everything that has happened to it."""

from __future__ import annotations

from django.contrib.postgres.functions import TransactionNow
from django.db import models


class Saga(models.Model):
    """Process Manager: one run of a definition, unique on the definition's name and the key.

    `state` has an object for each step that was begun: status, attempts, message of the open hop,
    result. `is_turned` says that it goes back. `failed_step` and `reason` say why it turned round,
    `stuck_because` what a person has to see to. `wake_at` is not later than the next timeout, null
    when there is none. `events` counts its history.
    """

    class Status(models.TextChoices):
        RUNNING = "running"
        COMPENSATING = "compensating"
        COMPLETED = "completed"
        COMPENSATED = "compensated"
        STUCK = "stuck"

    id = models.UUIDField(primary_key=True, editable=False)
    definition = models.CharField(max_length=200)
    version = models.PositiveIntegerField()
    key = models.CharField(max_length=200)
    status = models.CharField(max_length=12, choices=Status.choices, default=Status.RUNNING)
    is_turned = models.BooleanField(default=False)
    input = models.JSONField(default=dict)
    state = models.JSONField(default=dict)
    failed_step = models.CharField(max_length=100, blank=True, default="")
    reason = models.TextField(blank=True, default="")
    stuck_because = models.TextField(blank=True, default="")
    correlation_id = models.CharField(max_length=200, blank=True, default="")
    causation_id = models.UUIDField(null=True, blank=True)
    trace_parent = models.CharField(max_length=100, blank=True, default="")
    started_at = models.DateTimeField(db_default=TransactionNow())
    deadline_at = models.DateTimeField(null=True, blank=True)
    wake_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    events = models.PositiveIntegerField(default=0)

    class Meta:
        default_permissions = ("view",)
        permissions = [("operate_saga", "Can retry, skip, supply, force and cancel sagas")]
        constraints = [
            models.UniqueConstraint(fields=["definition", "key"], name="wildrydes_saga_once"),
        ]
        indexes = [
            models.Index(
                fields=["wake_at"],
                name="wildrydes_saga_wake",
                condition=models.Q(wake_at__isnull=False),
            ),
            models.Index(fields=["definition", "status", "id"], name="wildrydes_saga_list"),
            models.Index(
                fields=["definition"],
                name="wildrydes_saga_stuck",
                condition=models.Q(status="stuck"),
            ),
            models.Index(
                fields=["deadline_at"],
                name="wildrydes_saga_deadline",
                condition=models.Q(deadline_at__isnull=False, ended_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.definition} {self.key}: {self.status}"


class SagaEvent(models.Model):
    """One entry of a saga's history, in its place. Append-only; an update is refused.

    `step` is empty where the whole saga is meant. `attempt` counts from 1 and begins anew when an
    operator asks for another try. `message_id` is the command of the hop, `wake_at` when that is
    given up.
    """

    pk = models.CompositePrimaryKey("saga_id", "number")
    saga = models.ForeignKey(
        Saga, on_delete=models.CASCADE, related_name="history", db_constraint=False, db_index=False
    )
    number = models.PositiveIntegerField()
    kind = models.CharField(max_length=20)
    step = models.CharField(max_length=100, blank=True, default="")
    attempt = models.PositiveIntegerField(default=0)
    message_id = models.UUIDField(null=True, blank=True)
    data = models.JSONField(default=dict)
    reason = models.TextField(blank=True, default="")
    actor = models.CharField(max_length=200, blank=True, default="")
    wake_at = models.DateTimeField(null=True, blank=True)
    at = models.DateTimeField()

    class Meta:
        default_permissions = ("view",)
        ordering = ["number"]

    def __str__(self) -> str:
        return f"{self.number} {self.kind} {self.step}".strip()
