"""The message log as it is read in passing: rows, and the JSON that goes on the wire.

Without Django's models, which would cost more than everything else that is done with a message.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from django.db.backends.utils import CursorWrapper

from wildrydes import prepared
from wildrydes.envelope import Envelope, Kind

COLUMNS = """position, id, type, kind, source, subject, group_id, correlation_id, causation_id,
    reply_to, expires_at, trace_parent, published_at, recipients, data::text"""

BY_ID = f"SELECT {COLUMNS} FROM wildrydes_message WHERE id = ANY(%s)"  # noqa: S608 - constants


class Row(NamedTuple):
    """One message of the log: `COLUMNS`, with its data as Postgres writes them."""

    position: int
    id: UUID
    type: str
    kind: Kind
    source: str
    subject: str
    group_id: str
    correlation_id: str
    causation_id: UUID | None
    reply_to: str
    expires_at: datetime | None
    trace_parent: str
    published_at: datetime
    recipients: list[str] | None
    data: str

    def to_envelope(self) -> Envelope:
        """Return the message as it travels."""
        return self._envelope(orjson.loads(self.data))

    def encode(self, envelope: Envelope | None = None) -> bytes:
        """Return the message's CloudEvent as JSON; that of its `envelope`, where there is one."""
        event = (envelope or self._envelope({})).to_cloudevent()
        event["data"] = orjson.Fragment(self.data)
        return orjson.dumps(event)

    def _envelope(self, data: Mapping[str, Any]) -> Envelope:
        return Envelope(
            id=self.id,
            type=self.type,
            kind=self.kind,
            source=self.source,
            subject=self.subject,
            time=self.published_at,
            data=data,
            position=self.position,
            group_id=self.group_id,
            correlation_id=self.correlation_id,
            causation_id=self.causation_id,
            reply_to=self.reply_to,
            expires_at=self.expires_at,
            trace_parent=self.trace_parent,
        )


def rows_of(cursor: CursorWrapper) -> list[Row]:
    """Return what a statement has found that selects `COLUMNS`."""
    with cursor:
        return [Row(*values) for values in cursor.fetchall()]


def by_id(message_ids: Collection[UUID]) -> dict[UUID, Row]:
    """Return those of these messages that the log has."""
    if not message_ids:
        return {}
    return {row.id: row for row in rows_of(prepared.execute(BY_ID, [list(message_ids)]))}
