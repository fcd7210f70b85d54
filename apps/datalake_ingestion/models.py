"""What is on its way to the lake, what is there, and what was archived from the message log."""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from wildrydes.models import new_id


class LakeFile(models.Model):
    """Events of one type and one UTC day that are one file of the lake.

    `events` holds them as CloudEvents until the file is written; then it is null, and
    `written_at` and `bytes` are set. A file that takes the place of smaller ones counts them in
    `merges`; each of those names it as `merged_into`, and counts for readers until it is written.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    type = models.CharField(max_length=200)
    day = models.DateField()
    rows = models.PositiveIntegerField()
    events = models.JSONField(null=True, blank=True)
    collected_at = models.DateTimeField()
    written_at = models.DateTimeField(null=True, blank=True)
    bytes = models.PositiveBigIntegerField(null=True, blank=True)
    merges = models.PositiveIntegerField(default=0)
    merged_into = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="sources"
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(written_at__isnull=True, events__isnull=False, merges=0)
                | models.Q(written_at__isnull=True, events__isnull=True, merges__gt=0)
                | models.Q(written_at__isnull=False, events__isnull=True),
                name="datalake_ingestion_events_until_written",
            ),
        ]
        indexes = [models.Index(fields=["type", "day"], name="datalake_ingestion_days")]

    def __str__(self) -> str:
        return f"{self.type} {self.day} {self.id}"


class Archive(models.Model):
    """Messages of the log that are one file of the archive, and then go from the log.

    `message_ids` are those that are still in the log: all of them until the file is verified, then
    those that somebody still needs; it is empty when all have gone. `sha256` is of the messages,
    not of the file.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    day = models.DateField(help_text="On which the first of them was published, UTC.")
    rows = models.PositiveIntegerField()
    message_ids = ArrayField(models.UUIDField())
    planned_at = models.DateTimeField()
    verified_at = models.DateTimeField(null=True, blank=True)
    sha256 = models.CharField(max_length=64, blank=True, default="")
    bytes = models.PositiveBigIntegerField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(verified_at__isnull=True, sha256="")
                | models.Q(verified_at__isnull=False) & ~models.Q(sha256=""),
                name="datalake_ingestion_verified_by_checksum",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.id}"
