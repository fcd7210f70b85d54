"""Which requests were carried out under a key of their callers', and what was answered."""

from __future__ import annotations

from django.db import models


class IdempotencyKey(models.Model):
    """The first answer to a request that bore a key, until it expires.

    `digest` stands for caller, operation and key together: whatever callers make their keys of,
    none of it is here. `request` is a digest too, of what was asked. The status is 0 while the
    request is carried out, which nobody but its own transaction sees.
    """

    digest = models.BinaryField(primary_key=True, max_length=32)
    request = models.BinaryField(max_length=32)
    status = models.PositiveSmallIntegerField(default=0)
    location = models.TextField(blank=True, default="")
    body = models.TextField(blank=True, default="")
    expires_at = models.DateTimeField()

    class Meta:
        verbose_name = "idempotency key"
        indexes = [models.Index(fields=["expires_at"], name="wildrydes_idempotency_old")]

    def __str__(self) -> str:
        return f"{bytes(self.digest).hex()}: {self.status}"
