"""How people name an age on the command line."""

from __future__ import annotations

from datetime import timedelta

from django.core.management.base import CommandError

from wildrydes.management.moments import UNITS

FORMS = "an age such as 36h or 90d"


def read(text: str, *, option: str) -> timedelta:
    """Read an age. Raises `CommandError`, naming the option."""
    if not (text[:-1].isdecimal() and text[-1] in UNITS):
        raise CommandError(f"{option}: {text!r} is not {FORMS}")
    try:
        return timedelta(**{UNITS[text[-1]]: int(text[:-1])})
    except OverflowError as error:
        raise CommandError(f"{option}: {text!r} is too long ago") from error
