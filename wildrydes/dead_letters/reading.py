"""Whether a dead letter can be handed to its subscription at all: what it could not read, it never
will, and a redriven message that arrives as something else would be lost sight of.

What could not be read when it came bears an id made of its content. When it can be read now,
because it was edited or the topology knows its type at last, it gets the identity that it names.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from wildrydes import envelope, topology
from wildrydes.envelope import Envelope
from wildrydes.errors import ConfigurationError, DeadLetterError, UnreadableMessageError
from wildrydes.models import DeadLetter, Receipt

UNREADABLE = "unreadable"
IDENTITY = ("message_id", "message_type", "group_id", "position")


@dataclass(frozen=True)
class Sorted:
    """Letters that can be redriven, and why the others cannot, each reason once."""

    ready: Sequence[DeadLetter]
    refused: int
    reasons: tuple[str, ...] = ()


def read(message: object, *, subscription: str) -> Envelope:
    """Return the message as the subscription would get it; raises `DeadLetterError`."""
    try:
        found = envelope.from_cloudevent(message)
    except UnreadableMessageError as error:
        raise DeadLetterError(f"the message cannot be read: {error}") from error
    refuse_other_types(subscription=subscription, types={found.type})
    return found


def refuse_other_types(*, subscription: str, types: Iterable[str]) -> None:
    """Raise `DeadLetterError` unless the subscription exists and takes all of these types."""
    current = topology.current()
    try:
        target = current.subscription(subscription)
    except ConfigurationError as error:
        raise DeadLetterError(str(error)) from error
    for type_ in sorted(types):
        if not current.reaches(target, type_):
            raise DeadLetterError(f"{subscription} does not take messages of type {type_}")


def sort(letters: Sequence[DeadLetter]) -> Sorted:
    """Tell which letters their subscriptions can read, and give those their identity.

    The letters must be locked.
    """
    messages = _messages_of_unreadable(letters)
    reasons: dict[int, str] = {}
    identified: list[DeadLetter] = []
    for letter in letters:
        try:
            if letter.pk in messages:
                identify(letter, read(messages[letter.pk], subscription=letter.subscription))
                identified.append(letter)
            else:
                refuse_other_types(subscription=letter.subscription, types={letter.message_type})
        except DeadLetterError as error:
            reasons[letter.pk] = str(error)
    reasons |= _already_known(identified)
    ready = [letter for letter in letters if letter.pk not in reasons]
    store_identity([letter for letter in identified if letter.pk not in reasons])
    return Sorted(ready, len(reasons), tuple(sorted(set(reasons.values()))))


def identify(letter: DeadLetter, found: Envelope) -> None:
    """Give the letter the identity that its message names. The caller stores it."""
    letter.message_id, letter.message_type = found.id, found.type
    letter.group_id, letter.position = found.group_id, found.position


def store_identity(letters: Sequence[DeadLetter]) -> None:
    """Write the identity of these letters, in one statement."""
    if letters:
        DeadLetter.objects.bulk_update(letters, IDENTITY)


def _messages_of_unreadable(letters: Sequence[DeadLetter]) -> dict[int, object]:
    keys = [letter.pk for letter in letters if letter.message_type == UNREADABLE]
    if not keys:
        return {}
    return dict(DeadLetter.objects.filter(id__in=keys).values_list("id", "message"))


def _already_known(letters: Sequence[DeadLetter]) -> dict[int, str]:
    """Return the letters whose message has a receipt of its own, or is there twice."""
    if not letters:
        return {}
    known = set(
        Receipt.objects.filter(message_id__in=[letter.message_id for letter in letters])
        .exclude(id__in=[letter.pk for letter in letters])
        .values_list("subscription", "message_id")
    )
    reasons = {}
    for letter in letters:
        key = (letter.subscription, letter.message_id)
        if key in known:
            reasons[letter.pk] = f"{letter.subscription} already has a receipt of its message"
        known.add(key)
    return reasons
