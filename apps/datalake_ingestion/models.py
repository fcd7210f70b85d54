"""What is on its way to the lake, and what is there."""

from django.db import models

from wildrydes.models import new_id


class LakeFile(models.Model):
    """Events of one type and one UTC day that are one file of the lake.

    `events` holds them as CloudEvents until the file is written; then it is null, and
    `written_at` and `bytes` are set.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    type = models.CharField(max_length=200)
    day = models.DateField()
    rows = models.PositiveIntegerField()
    events = models.JSONField(null=True, blank=True)
    collected_at = models.DateTimeField()
    written_at = models.DateTimeField(null=True, blank=True)
    bytes = models.PositiveBigIntegerField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(written_at__isnull=True, events__isnull=False)
                | models.Q(written_at__isnull=False, events__isnull=True),
                name="datalake_ingestion_events_until_written",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.day} {self.id}"
