"""Messages that the relay has encoded, kept for a while: the next subscription wants the same.

Under load a message waits in several queues and goes out to each in a turn of its own. Without
this it would be read and encoded anew each time.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from uuid import UUID

Events = Mapping[UUID, bytes]

BYTES = 4 * 1024 * 1024


class RecentMessages:
    """CloudEvents as JSON, by id: at most `size` bytes, without those unused for longest."""

    def __init__(self, *, size: int = BYTES) -> None:
        self._events: OrderedDict[UUID, bytes] = OrderedDict()
        self._room = size

    def add(self, events: Events) -> None:
        """Keep these, and forget others for them."""
        for message_id, event in events.items():
            self._forget(message_id)
            self._events[message_id] = event
            self._room -= len(event)
        while self._room < 0:
            self._forget(next(iter(self._events)))

    def find(self, message_ids: Iterable[UUID]) -> dict[UUID, bytes]:
        """Return those of the messages that are still kept."""
        found = {key: self._events[key] for key in message_ids if key in self._events}
        for message_id in found:
            self._events.move_to_end(message_id)
        return found

    def _forget(self, message_id: UUID) -> None:
        event = self._events.pop(message_id, None)
        if event is not None:
            self._room += len(event)
