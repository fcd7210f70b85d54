"""The dead letters: receipts that wait for a person."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from wildrydes.models.receipts import Receipt


class DeadLetterManager(models.Manager["DeadLetter"]):
    """Knows the receipts with status `dead`, and no others."""

    def get_queryset(self) -> models.QuerySet[DeadLetter]:
        """Return the dead ones."""
        return super().get_queryset().filter(status=Receipt.Status.DEAD)


class DeadLetter(Receipt):
    """Dead Letter Channel: a message that is not tried again unless a person says so."""

    objects: ClassVar[DeadLetterManager] = DeadLetterManager()

    class Meta:
        proxy = True
        default_permissions = ("view",)
        permissions = [
            ("redrive_dead_letter", "Can redrive dead letters"),
            ("discard_dead_letter", "Can discard dead letters"),
            ("edit_dead_letter", "Can edit the message of a dead letter"),
        ]
