"""The durable effect that every side leaves: one row, unique on event and subscriber."""

from __future__ import annotations

from django.db import models


class Effect(models.Model):
    """What one subscriber keeps of one event. A second one of the same event is refused."""

    event_id = models.UUIDField()
    subscriber = models.CharField(max_length=40)
    customer = models.CharField(max_length=64)
    amount = models.DecimalField(max_digits=12, decimal_places=2)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["event_id", "subscriber"], name="bench_effect_once"),
        ]

    def __str__(self) -> str:
        return f"{self.subscriber} {self.event_id}"
