"""Canary redrives: what is being replayed to whom, how far it is, and how it went."""

from __future__ import annotations

from django.contrib.postgres.functions import TransactionNow
from django.db import models


class Redrive(models.Model):
    """A frozen selection of dead letters that is replayed in stages: one, then ten, then the rest.

    `rate` is how many a second go out in the last stage. `stage_…` count since the stage was
    entered, the others since the start; `sent` ones are in work until they are settled.
    """

    class State(models.TextChoices):
        RUNNING = "running"
        PAUSED = "paused"
        HALTED = "halted"
        CANCELLED = "cancelled"
        FINISHED = "finished"

    class Stage(models.TextChoices):
        ONE = "one"
        TEN = "ten"
        REST = "rest"

    state = models.CharField(max_length=10, choices=State.choices, default=State.RUNNING)
    stage = models.CharField(max_length=10, choices=Stage.choices, default=Stage.ONE)
    selection = models.JSONField(default=dict, help_text="What was asked for.")
    rate = models.FloatField(help_text="Letters a second, in the last stage.")
    canary_failures = models.PositiveIntegerField(
        default=0, help_text="So many may fail in each of the first two stages."
    )
    rest_failure_share = models.FloatField(
        default=0.1, help_text="Such a share may fail in the last stage."
    )
    started_by = models.CharField(max_length=200)
    started_at = models.DateTimeField(db_default=TransactionNow())
    ended_at = models.DateTimeField(null=True, blank=True)
    next_slot_at = models.DateTimeField(null=True, blank=True)
    reason = models.TextField(blank=True, default="", help_text="Why it halted.")
    size = models.PositiveIntegerField(default=0, help_text="Letters in the selection.")
    in_work = models.PositiveIntegerField(default=0, help_text="Sent, and not yet settled.")
    done = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0, help_text="Dead again.")
    dropped = models.PositiveIntegerField(default=0, help_text="Let go of by the handler.")
    skipped = models.PositiveIntegerField(
        default=0, help_text="No longer dead letters when their turn came."
    )
    stage_sent = models.PositiveIntegerField(default=0)
    stage_settled = models.PositiveIntegerField(default=0)
    stage_failed = models.PositiveIntegerField(default=0)

    class Meta:
        default_permissions = ("view",)
        constraints = [
            models.CheckConstraint(condition=models.Q(rate__gt=0), name="wildrydes_redrive_rate"),
        ]
        indexes = [
            models.Index(
                fields=["id"],
                name="wildrydes_redrive_live",
                condition=models.Q(state="running") | models.Q(in_work__gt=0),
            ),
        ]

    def __str__(self) -> str:
        return f"redrive {self.pk}"

    @property
    def settled(self) -> int:
        """Return how many letters have come to an end."""
        return self.done + self.failed + self.dropped + self.skipped

    @property
    def waiting(self) -> int:
        """Return how many letters have not been touched."""
        return self.size - self.settled - self.in_work


class RedriveItem(models.Model):
    """One dead letter of a redrive, in its place.

    `attempts` is what its receipt counted when it was sent; one more means that it failed.
    `released_at` is the moment that the rate gave it.
    """

    class Outcome(models.TextChoices):
        WAITING = "waiting"
        SENT = "sent"
        DONE = "done"
        FAILED = "failed"
        DROPPED = "dropped"
        SKIPPED = "skipped"

    redrive = models.ForeignKey(Redrive, on_delete=models.CASCADE, related_name="items")
    number = models.PositiveIntegerField()
    receipt_id = models.BigIntegerField()
    subscription = models.CharField(max_length=200)
    message_id = models.UUIDField()
    outcome = models.CharField(max_length=10, choices=Outcome.choices, default=Outcome.WAITING)
    stage = models.CharField(max_length=10, choices=Redrive.Stage.choices, blank=True, default="")
    attempts = models.PositiveIntegerField(default=0)
    released_at = models.DateTimeField(null=True, blank=True)
    settled_at = models.DateTimeField(null=True, blank=True)
    error = models.TextField(blank=True, default="")

    class Meta:
        default_permissions = ("view",)
        constraints = [
            models.UniqueConstraint(fields=["redrive", "number"], name="wildrydes_redrive_place"),
            models.UniqueConstraint(
                fields=["receipt_id", "redrive"], name="wildrydes_redrive_letter"
            ),
        ]
        indexes = [
            models.Index(
                fields=["redrive", "number"],
                name="wildrydes_redrive_waiting",
                condition=models.Q(outcome="waiting"),
            ),
            models.Index(
                fields=["redrive"],
                name="wildrydes_redrive_sent",
                condition=models.Q(outcome="sent"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.number} of redrive {self.redrive_id}"
