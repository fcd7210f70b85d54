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


class StepEffect(models.Model):
    """One run of a participant that was committed. Nothing here is unique: a double must show.

    `is_new` says that there was none for the subject before; a participant owes no more, for each
    attempt at a step is a command of its own with the same subject. What is undone before it was
    done may not be done any more.
    """

    saga_id = models.UUIDField(db_index=True)
    step = models.CharField(max_length=40)
    is_undo = models.BooleanField()
    message_id = models.UUIDField()
    is_new = models.BooleanField()

    def __str__(self) -> str:
        return f"{'un' if self.is_undo else ''}do {self.step} {self.saga_id}"
