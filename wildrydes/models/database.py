"""Which database this is."""

from __future__ import annotations

from functools import cache
from uuid import uuid4

from django.db import models


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
