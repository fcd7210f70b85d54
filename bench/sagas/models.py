"""What every side leaves: an effect for each step; and the status row of a peer that has none."""

from __future__ import annotations

from django.db import models

THIS_TRANSACTION = models.Func(
    template="pg_current_xact_id()::text::bigint", output_field=models.BigIntegerField()
)


class Effect(models.Model):
    """What one step of one saga has done; a second time is refused."""

    saga_id = models.UUIDField()
    step = models.CharField(max_length=40)
    customer = models.CharField(max_length=64)
    amount = models.DecimalField(max_digits=12, decimal_places=2)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["saga_id", "step"], name="sagas_effect_once"),
        ]

    def __str__(self) -> str:
        return f"{self.step} {self.saga_id}"


class Status(models.Model):
    """How far a saga is. Its row is written anew at the end: `started_in` is the first one's
    transaction, so that Postgres can still say when that was committed."""

    id = models.UUIDField(primary_key=True)
    status = models.CharField(max_length=10, default="running")
    ended_at = models.DateTimeField(null=True)
    started_in = models.BigIntegerField(db_default=THIS_TRANSACTION)

    def __str__(self) -> str:
        return f"{self.id}: {self.status}"
