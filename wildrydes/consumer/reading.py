"""What is in a delivery: messages that can be read, in order, and what cannot."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any
from uuid import NAMESPACE_OID, UUID, uuid5

from wildrydes import envelope, topology
from wildrydes.envelope import Envelope
from wildrydes.errors import UnreadableMessageError
from wildrydes.topology import Subscription
from wildrydes.wire import Delivery


@dataclass(frozen=True)
class Item:
    """A message as the handler sees it, and as it came."""

    envelope: Envelope
    event: Mapping[str, Any]

    @property
    def id(self) -> UUID:
        """Return the message's id."""
        return self.envelope.id


@dataclass(frozen=True)
class Unreadable:
    """Something that is no message for this subscription, and why. Its id is of its content.

    `says_id` is the id that it bears itself, where that is one.
    """

    message_id: UUID
    event: object
    reason: str
    says_id: UUID | None


@dataclass(frozen=True)
class Work:
    """The contents of one delivery. The items are in order of position, each message once."""

    items: Sequence[Item]
    unreadable: Sequence[Unreadable]


def read(delivery: Delivery, *, subscription: Subscription) -> Work:
    """Read every message of a delivery; one that cannot be read does not hide the others."""
    items: dict[UUID, Item] = {}
    unreadable: dict[UUID, Unreadable] = {}
    takes = cache(partial(topology.current().reaches, subscription))
    for event in delivery.messages:
        try:
            item = _item(event, subscription, takes)
        except UnreadableMessageError as error:
            found = Unreadable(_identity(event), event, str(error), _said_id(event))
            unreadable[found.message_id] = found
        else:
            items[item.id] = item
    in_order = sorted(items.values(), key=lambda item: item.envelope.position)
    return Work(in_order, list(unreadable.values()))


def _item(
    event: Mapping[str, Any], subscription: Subscription, takes: Callable[[str], bool]
) -> Item:
    readable = envelope.from_cloudevent(event)
    if not takes(readable.type):
        raise UnreadableMessageError(f"{subscription.name} does not take {readable.type!r}")
    return Item(readable, event)


def _said_id(event: object) -> UUID | None:
    said = event.get("id") if isinstance(event, Mapping) else None
    try:
        return UUID(said) if isinstance(said, str) else None
    except ValueError:
        return None


def _identity(event: object) -> UUID:
    """Return an id for what has none that can be read: the same for the same content."""
    return uuid5(NAMESPACE_OID, json.dumps(event, sort_keys=True, default=str))
