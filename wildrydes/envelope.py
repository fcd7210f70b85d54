"""Envelope Wrapper: what travels between services is a CloudEvents 1.0 structured JSON object.

Guarantee: an envelope that is written with `to_cloudevent` and read with `from_cloudevent` is
equal to the first one; what does not read as an envelope raises, it is never half understood.
Does not guarantee: that `data` has the fields that a handler expects; its message class says so.
Source: CloudEvents 1.0 (JSON event format); Hohpe and Woolf, Enterprise Integration Patterns.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, get_args
from uuid import UUID

from wildrydes.errors import UnreadableMessageError

Kind = Literal["event", "command", "reply"]

SPEC_VERSION = "1.0"
KINDS: Mapping[object, Kind] = {kind: kind for kind in get_args(Kind)}


@dataclass(frozen=True, kw_only=True)
class Envelope:
    """One message as it travels. `time` is when it was published, aware, in UTC.

    `position` is its place in the publisher's log; `replayed` says that it is sent again from
    there on a person's order.
    """

    id: UUID
    type: str
    kind: Kind
    source: str
    subject: str
    time: datetime
    data: Mapping[str, Any]
    position: int = 0
    group_id: str = ""
    correlation_id: str = ""
    causation_id: UUID | None = None
    reply_to: str = ""
    expires_at: datetime | None = None
    trace_parent: str = ""
    replayed: bool = False

    @property
    def attributes(self) -> dict[str, Any]:
        """Return the flat attributes that a filter of scope `attributes` looks at."""
        event = self.to_cloudevent()
        del event["data"]
        return event

    def to_cloudevent(self) -> dict[str, Any]:
        """Return the JSON-ready object; optional attributes that are empty are left out."""
        event: dict[str, Any] = {
            "specversion": SPEC_VERSION,
            "id": str(self.id),
            "type": self.type,
            "source": self.source,
            "time": self.time.isoformat(),
            "datacontenttype": "application/json",
            "kind": self.kind,
            "data": self.data,
        }
        if self.position:
            event["sequence"] = str(self.position)
        if self.subject:
            event["subject"] = self.subject
        if self.group_id:
            event["groupid"] = self.group_id
        if self.correlation_id:
            event["correlationid"] = self.correlation_id
        if self.causation_id:
            event["causationid"] = str(self.causation_id)
        if self.reply_to:
            event["replyto"] = self.reply_to
        if self.expires_at:
            event["expiresat"] = self.expires_at.isoformat()
        if self.trace_parent:
            event["traceparent"] = self.trace_parent
        if self.replayed:
            event["replayed"] = True
        return event


def from_cloudevent(event: object) -> Envelope:
    """Read what came over the wire.

    Raises `UnreadableMessageError`, saying which attribute is wrong.
    """
    if not isinstance(event, dict):
        raise UnreadableMessageError("not a JSON object")
    if event.get("specversion") != SPEC_VERSION:
        raise UnreadableMessageError(f"specversion {event.get('specversion')!r} is not understood")
    try:
        return _read(event)
    except KeyError as error:
        raise UnreadableMessageError(f"attribute {error.args[0]!r} is missing") from error
    except (TypeError, ValueError) as error:
        raise UnreadableMessageError(str(error)) from error


def _read(event: dict[str, Any]) -> Envelope:
    causation = event.get("causationid")
    expires_at = event.get("expiresat")
    return Envelope(
        id=UUID(event["id"]),
        type=_text(event, "type"),
        kind=_kind(event["kind"]),
        source=_text(event, "source"),
        subject=event.get("subject", ""),
        time=_moment(event["time"]),
        data=_object(event["data"]),
        position=int(event.get("sequence", 0)),
        group_id=event.get("groupid", ""),
        correlation_id=event.get("correlationid", ""),
        causation_id=UUID(causation) if causation else None,
        reply_to=event.get("replyto", ""),
        expires_at=_moment(expires_at) if expires_at else None,
        trace_parent=event.get("traceparent", ""),
        replayed=event.get("replayed", False) is True,
    )


def _text(event: dict[str, Any], name: str) -> str:
    value = event[name]
    if not isinstance(value, str) or not value:
        raise ValueError(f"attribute {name!r} must be a non-empty string")
    return value


def _kind(value: object) -> Kind:
    if isinstance(value, str) and value in KINDS:
        return KINDS[value]
    raise ValueError(f"attribute 'kind' must be one of {get_args(Kind)}, not {value!r}")


def _moment(value: str) -> datetime:
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        raise ValueError(f"a time without a zone: {value!r}")
    return moment


def _object(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError("attribute 'data' must be an object")
    return value
