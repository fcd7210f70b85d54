"""How people name a moment on the command line."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.core.management.base import CommandError
from django.utils import timezone

UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
FORMS = "an ISO 8601 moment (UTC where it names no zone), or an age such as 90s, 30m, 2h or 7d"


def read(text: str, *, option: str) -> datetime:
    """Read a moment, or an age counted back from now. Raises `CommandError`, naming the option."""
    if text[:-1].isdecimal() and text[-1] in UNITS:
        try:
            return timezone.now() - timedelta(**{UNITS[text[-1]]: int(text[:-1])})
        except OverflowError as error:
            raise CommandError(f"{option}: {text!r} is too long ago") from error
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise CommandError(f"{option}: {text!r} is neither a moment nor an age") from error
    return moment if moment.tzinfo else timezone.make_aware(moment, timezone.get_default_timezone())
