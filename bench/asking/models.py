"""What the peer keeps: the request, and each responder's quote once."""

from __future__ import annotations

from django.db import models

THIS_TRANSACTION = models.Func(
    template="pg_current_xact_id()::text::bigint", output_field=models.BigIntegerField()
)


class Rfq(models.Model):
    """A request for quotes. Its row is written anew at the close: `asked_in` is the first one's
    transaction, so that Postgres can still say when that was committed."""

    id = models.UUIDField(primary_key=True)
    origin = models.CharField(max_length=200)
    destination = models.CharField(max_length=200)
    customer = models.CharField(max_length=64)
    status = models.CharField(max_length=10, default="open")
    closed_at = models.DateTimeField(null=True)
    asked_in = models.BigIntegerField(db_default=THIS_TRANSACTION)

    def __str__(self) -> str:
        return f"{self.id}: {self.status}"


class Quote(models.Model):
    """What one responder said; a second quote of the same one is refused."""

    rfq = models.ForeignKey(Rfq, on_delete=models.CASCADE, db_index=False)
    responder = models.CharField(max_length=200)
    data = models.JSONField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["rfq", "responder"], name="asking_quote_once"),
        ]

    def __str__(self) -> str:
        return f"{self.responder} {self.rfq_id}"
