"""A saga's history for the people who look at it: input, output, timings, and where to look on."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from wildrydes.models import Dispatch, Receipt
from wildrydes.outgoing import Body
from wildrydes.saga.reading import commands_of, spoken
from wildrydes.saga.recorded import SENT
from wildrydes.saga.state import Entry

TONES = {
    "succeeded": "good",
    "completed": "good",
    "compensated": "back",
    "compensating": "back",
    "turned_back": "back",
    "refused": "bad",
    "failed": "bad",
    "stuck": "bad",
    "timed_out": "waiting",
    "retried": "waiting",
    "late": "waiting",
    "cancelled": "person",
    "operator": "person",
}


@dataclass(frozen=True, kw_only=True)
class Row:
    """One entry. `took` is the time from a command to its answer, `dispatch` what carried it."""

    number: int
    at: datetime
    after: str
    what: str
    tone: str
    step: str
    attempt: int
    took: str
    reason: str
    actor: str
    input: str
    output: str
    message: UUID | None
    dispatch: UUID | None
    is_on_its_way: bool


@dataclass(frozen=True)
class Known:
    """What the log, the receipts and the open dispatches say of the commands, by message."""

    commands: Mapping[UUID, Body]
    carried: Mapping[UUID, UUID | None]
    on_their_way: Mapping[UUID, UUID]
    sent_at: Mapping[UUID, datetime]

    def dispatch(self, message: UUID) -> UUID | None:
        """Return what carries the command or, if it has arrived, carried it."""
        return self.on_their_way.get(message) or self.carried.get(message)


def rows(entries: Sequence[Entry]) -> list[Row]:
    """Return the history, with what this database knows of its commands."""
    sent_at = {item.message: item.at for item in entries if item.message and item.kind in SENT}
    known = Known(
        commands_of(entries), _carried(list(sent_at)), _on_their_way(list(sent_at)), sent_at
    )
    return [_row(number, entry, entries[0].at, known) for number, entry in enumerate(entries, 1)]


def _row(number: int, entry: Entry, begun_at: datetime, known: Known) -> Row:
    message = entry.message if entry.kind in SENT else None
    command = known.commands.get(message) if message else None
    return Row(
        number=number,
        at=entry.at,
        after=f"+{spoken(entry.at - begun_at)}",
        what=_what(entry),
        tone=TONES.get(entry.kind, "neutral"),
        step=entry.step,
        attempt=entry.attempt,
        took=_took(entry, known),
        reason=entry.reason,
        actor=entry.actor,
        input=_pretty(command.to_data()) if command else "",
        output=_pretty(entry.data),
        message=message,
        dispatch=known.dispatch(message) if message else None,
        is_on_its_way=message in known.on_their_way,
    )


def _took(entry: Entry, known: Known) -> str:
    """Return how long the answer that the entry tells of was awaited."""
    if entry.message is None or entry.kind in SENT or entry.message not in known.sent_at:
        return ""
    return spoken(entry.at - known.sent_at[entry.message])


def _what(entry: Entry) -> str:
    if entry.kind == "operator":
        return str(entry.data.get("action", "operator")).replace("_", " ")
    return entry.kind.replace("_", " ")


def _pretty(data: Mapping[str, object]) -> str:
    return json.dumps(dict(data), indent=2, ensure_ascii=False) if data else ""


def _carried(messages: Sequence[UUID]) -> dict[UUID, UUID | None]:
    """Return by message what brought it to its participant last, where that is known here."""
    found = Receipt.objects.filter(message_id__in=messages).order_by("id")
    return dict(found.values_list("message_id", "dispatch_id"))


def _on_their_way(messages: Sequence[UUID]) -> dict[UUID, UUID]:
    found = Dispatch.objects.filter(message_ids__overlap=list(messages)) if messages else ()
    return {message: item.id for item in found for message in item.message_ids}
