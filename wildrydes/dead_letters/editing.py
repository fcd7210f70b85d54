"""Put a dead letter's message right before it is redriven; what arrived is kept."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import transaction

from wildrydes.conf import kernel_settings
from wildrydes.dead_letters import operations, reading
from wildrydes.envelope import Envelope
from wildrydes.errors import DeadLetterError
from wildrydes.models import DeadLetter, Receipt


def edit(*, receipt_id: int, message: Mapping[str, Any], by: str) -> DeadLetter:
    """Replace the message of a dead letter, as a CloudEvent; keep the first original.

    Raises `DeadLetterError` when it is no dead letter, when the message cannot be read or is too
    large, or when its id, type, group or sequence is another: they say which message it is. What
    could not be read when it came has none of them, and gets what the new message names.
    """
    with transaction.atomic():
        letter = DeadLetter.objects.select_for_update().filter(id=receipt_id).first()
        if letter is None:
            raise DeadLetterError(f"{receipt_id} is not a dead letter")
        found = check(letter=letter, message=message)
        if letter.message_type == reading.UNREADABLE:
            reading.identify(letter, found)
        letter.original_message = letter.original_message or letter.message
        letter.message = dict(message)
        letter.save(update_fields=[*reading.IDENTITY, "message", "original_message"])
        operations.record([letter], by=by, action="edit", detail={"data": message["data"]})
    return letter


def check(*, letter: DeadLetter, message: Mapping[str, Any]) -> Envelope:
    """Return the new message as its subscription would get it; raises as `edit` does."""
    found = reading.read(message, subscription=letter.subscription)
    _refuse_unfit(message)
    if letter.message_type == reading.UNREADABLE:
        _refuse_other_id(letter, found)
    else:
        _refuse_other_identity(letter, found)
    return found


def _refuse_unfit(message: Mapping[str, Any]) -> None:
    text = json.dumps(message)
    if "\\u0000" in text:
        raise DeadLetterError("the message holds a NUL character, which Postgres cannot store")
    if (size := len(json.dumps(message["data"]))) > (limit := kernel_settings().message_bytes):
        raise DeadLetterError(f"the data is {size} bytes; at most {limit} are taken")


def _refuse_other_identity(letter: DeadLetter, found: Envelope) -> None:
    for name, old, new in (
        ("id", letter.message_id, found.id),
        ("type", letter.message_type, found.type),
        ("groupid", letter.group_id, found.group_id),
        ("sequence", letter.position, found.position),
    ):
        if old != new:
            raise DeadLetterError(f"attribute {name!r} has to stay {str(old)!r}")


def _refuse_other_id(letter: DeadLetter, found: Envelope) -> None:
    """Hold an unreadable message to the id that it bears, if it bears one."""
    arrived = letter.original_message or letter.message
    if (borne := _id_in(arrived)) not in (None, found.id):
        raise DeadLetterError(f"attribute 'id' has to stay {str(borne)!r}")
    known = Receipt.objects.filter(subscription=letter.subscription, message_id=found.id)
    if known.exclude(id=letter.pk).exists():
        raise DeadLetterError(f"{letter.subscription} already has a receipt of {found.id}")


def _id_in(message: object) -> UUID | None:
    try:
        return UUID(message["id"])  # type: ignore[index]
    except (TypeError, KeyError, ValueError, AttributeError):
        return None
