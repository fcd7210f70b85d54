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


def rows(entries: Sequence[Entry]) -> list[Row]:
    """Return the history, with what the log and the receipts of this database know of it."""
    commands = commands_of(entries)
    carried = _carried(list(commands))
    open_ = _open(list(commands))
    sent_at = {entry.message: entry.at for entry in entries if entry.kind in SENT}
    return [
        _row(number, entry, entries[0].at, commands, {**carried, **open_}, open_, sent_at)
        for number, entry in enumerate(entries, 1)
    ]


def _row(
    number: int,
    entry: Entry,
    begun_at: datetime,
    commands: Mapping[UUID, Body],
    carried: Mapping[UUID, UUID | None],
    open_: Mapping[UUID, UUID],
    sent_at: Mapping[UUID | None, datetime],
) -> Row:
    is_command = entry.kind in SENT and entry.message is not None
    message = entry.message if is_command else None
    is_answer = entry.message is not None and not is_command and entry.message in sent_at
    return Row(
        number=number,
        at=entry.at,
        after=f"+{spoken(entry.at - begun_at)}",
        what=_what(entry),
        tone=TONES.get(entry.kind, "neutral"),
        step=entry.step,
        attempt=entry.attempt,
        took=spoken(entry.at - sent_at[entry.message]) if is_answer else "",
        reason=entry.reason,
        actor=entry.actor,
        input=_pretty(commands[message].to_data()) if message in commands else "",
        output=_pretty(entry.data),
        message=message,
        dispatch=carried.get(message) if message else None,
        is_on_its_way=message in open_,
    )


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


def _open(messages: Sequence[UUID]) -> dict[UUID, UUID]:
    found = Dispatch.objects.filter(message_ids__overlap=list(messages)) if messages else ()
    return {message: item.id for item in found for message in item.message_ids}
