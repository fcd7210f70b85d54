"""What the probe has seen."""

from django.db import models


class ProbeEffect(models.Model):
    """One run of a handler that was committed. Nothing here is unique: a double must show.

    `previous` is the highest position of the group that the handler could see as handled, 0 for
    none: in a group that is kept in order it is the position just before.
    """

    subscription = models.CharField(max_length=200)
    message_id = models.UUIDField(db_index=True)
    group_id = models.CharField(max_length=200)
    position = models.BigIntegerField()
    previous = models.BigIntegerField()

    class Meta:
        indexes = [
            models.Index(fields=["subscription", "group_id", "position"], name="probe_groups"),
        ]

    def __str__(self) -> str:
        return f"{self.subscription} {self.group_id} {self.position}"
