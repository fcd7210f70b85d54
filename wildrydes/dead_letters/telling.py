"""Dead letters and redrives as JSON-ready objects and as lines of text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from wildrydes.models import DeadLetter, Redrive

ERROR_CHARACTERS = 90


def summary(letter: DeadLetter) -> dict[str, Any]:
    """Return what a list shows of a letter."""
    return {
        "letter": letter.pk,
        "subscription": letter.subscription,
        "message": str(letter.message_id),
        "type": letter.message_type,
        "attempts": letter.attempts,
        "first_failed_at": letter.first_failed_at and letter.first_failed_at.isoformat(),
        "last_failed_at": letter.last_failed_at and letter.last_failed_at.isoformat(),
        "error": letter.error,
    }


def whole(letter: DeadLetter) -> dict[str, Any]:
    """Return all that is known of a letter."""
    return {
        **summary(letter),
        "received_at": letter.received_at.isoformat(),
        "worker": letter.worker,
        "group": letter.group_id,
        "position": letter.position,
        "traceback": letter.traceback,
        "cloudevent": letter.message,
        "original_cloudevent": letter.original_message,
    }


def progress(redrive: Redrive) -> dict[str, Any]:
    """Return how a redrive is going."""
    return {
        "redrive": redrive.pk,
        "state": redrive.state,
        "stage": redrive.stage,
        "reason": redrive.reason,
        "rate": redrive.rate,
        "size": redrive.size,
        "waiting": redrive.waiting,
        "in_work": redrive.in_work,
        "done": redrive.done,
        "failed": redrive.failed,
        "dropped": redrive.dropped,
        "skipped": redrive.skipped,
        "started_by": redrive.started_by,
        "started_at": redrive.started_at.isoformat(),
        "ended_at": redrive.ended_at and redrive.ended_at.isoformat(),
    }


def lines(letters: Iterable[DeadLetter]) -> Iterator[str]:
    """Yield a line for each letter."""
    for letter in letters:
        failed = letter.last_failed_at or letter.received_at
        error = letter.error.partition("\n")[0][:ERROR_CHARACTERS]
        yield (
            f"{letter.pk:>8}  {failed:%Y-%m-%d %H:%M:%S}  {letter.subscription}  "
            f"{letter.message_id}  {letter.attempts} attempts  {error}"
        )


def line(redrive: Redrive) -> str:
    """Return how a redrive is going, in one line."""
    text = (
        f"Redrive {redrive.pk} is {redrive.state} in the stage {redrive.stage}: "
        f"{redrive.done} of {redrive.size} done, {redrive.failed} failed again, "
        f"{redrive.dropped} dropped, {redrive.skipped} skipped, {redrive.in_work} in work, "
        f"{redrive.waiting} not sent"
    )
    return f"{text}. {redrive.reason}" if redrive.reason else text
