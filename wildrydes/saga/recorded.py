"""Recorded histories: what once happened to a saga must happen again with today's definition.

A running saga keeps its version, so a definition may be changed only in ways that lead the sagas
that are under way where they were going. A history that was kept is replayed: what participants,
clock and people did is given to the function that decides, and everything else that the history
says has to come out again, the commands with it.

Guarantee: whatever a changed definition would do differently in a recorded saga is named.
Does not guarantee: anything about paths that no history has taken; nor that a history can be
replayed in which the platform failed, and could not store or send what was decided.
Source: Temporal's replay tests, which check workflow code against event histories.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import zip_longest
from typing import Any, Self
from uuid import UUID

from wildrydes.answering.answer import Answer
from wildrydes.outgoing import Body, Plain
from wildrydes.saga.deciding import decide
from wildrydes.saga.definition import Definition
from wildrydes.saga.happenings import Happening, Ordered, Started, Told, Woken
from wildrydes.saga.state import Entry, State

SENT = ("scheduled", "retried", "compensating")
ANSWERS = {
    "succeeded": "answered",
    "compensated": "answered",
    "refused": "declined",
    "failed": "failed",
}
COMPARED = ("kind", "step", "attempt", "message", "data", "reason", "actor")


@dataclass(frozen=True, kw_only=True)
class History:
    """Everything that happened to one saga. `sent` are the commands, as far as they are known."""

    definition: str
    version: int
    saga: UUID
    key: str
    input: Mapping[str, Any]
    entries: tuple[Entry, ...]
    sent: Mapping[UUID, Body] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        *,
        name: str,
        version: int,
        state: State,
        entries: Iterable[Entry],
        sent: Mapping[UUID, Body],
    ) -> Self:
        """Return the history of the saga in this state."""
        return cls(
            definition=name,
            version=version,
            saga=state.saga,
            key=state.key,
            input=state.input,
            entries=tuple(entries),
            sent=sent,
        )

    def to_data(self) -> dict[str, Any]:
        """Return the JSON-ready object."""
        return {
            "definition": self.definition,
            "version": self.version,
            "saga": str(self.saga),
            "key": self.key,
            "input": dict(self.input),
            "history": [_entry_data(entry, self.sent) for entry in self.entries],
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Self:
        """Read the object that `to_data` has made."""
        return cls(
            definition=data["definition"],
            version=data["version"],
            saga=UUID(data["saga"]),
            key=data["key"],
            input=data["input"],
            entries=tuple(_entry(item) for item in data["history"]),
            sent={
                UUID(item["message"]): Plain(item["sent"]["type"], item["sent"]["data"])
                for item in data["history"]
                if "sent" in item
            },
        )


def differences(history: History, definition: Definition) -> list[str]:
    """Replay a history with this definition; say what comes out differently, if anything does."""
    state = State(saga=history.saga, key=history.key, input=history.input)
    ids = iter([entry.message for entry in history.entries if entry.kind in SENT])
    entries: list[Entry] = []
    sent: dict[UUID, Body] = {}
    for at, happening in happenings(history.entries):
        decided = decide(
            definition, state, happening, at, new_id=lambda: next(ids, None) or UUID(int=0)
        )
        state = decided.state
        entries += decided.entries
        sent |= {command.message: command.body for command in decided.commands}
    return [*_other_entries(history.entries, entries), *_other_commands(history, sent)]


def happenings(entries: Sequence[Entry]) -> Iterator[tuple[datetime, Happening]]:
    """Return what came from outside: answers, the clock, and people; the rest followed from it."""
    for number, entry in enumerate(entries):
        if entry.kind == "started":
            yield entry.at, Started()
        elif entry.kind == "timed_out":
            yield entry.at, Woken()  # where one moment ended several hops, the first does it all
        elif entry.kind in ("operator", "cancelled"):
            yield entry.at, _ordered(entry, entries[number + 1 :])
        elif entry.message is not None and entry.kind in (*ANSWERS, "late"):
            yield entry.at, Told(entry.step, entry.message, _answer(entry))


def line(entry: Entry) -> str:
    """Return an entry as one line of text."""
    attempt = f"attempt {entry.attempt}" if entry.attempt else ""
    by = f"by {entry.actor}" if entry.actor else ""
    data = str(dict(entry.data)) if entry.data else ""
    parts = (f"{entry.kind:<14}", f"{entry.step:<16}", attempt, entry.reason, by, data)
    return f"{entry.at:%H:%M:%S.%f}  " + "  ".join(filter(None, parts)).rstrip()


def _ordered(entry: Entry, following: Sequence[Entry]) -> Ordered:
    given = next((item for item in following[:1] if item.actor == entry.actor), None)
    return Ordered(
        action=entry.data["action"],
        by=entry.actor,
        reason=entry.reason,
        step=entry.step,
        result=given.data if given is not None and entry.data["action"] == "supply" else {},
    )


def _answer(entry: Entry) -> Answer:
    if entry.kind != "late":
        return Answer(ANSWERS[entry.kind], entry.data, entry.reason)  # type: ignore[arg-type]
    outcome, _, reason = entry.reason.partition(": ")
    return Answer(outcome, entry.data, reason)  # type: ignore[arg-type]


def _other_entries(recorded: Sequence[Entry], now: Sequence[Entry]) -> Iterator[str]:
    """Name the first entry that is another one; all after it would be others too."""
    for number, (was, comes) in enumerate(zip_longest(recorded, now), 1):
        if was is None or comes is None or _compared(was) != _compared(comes):
            yield f"entry {number} was:   {line(was) if was else 'none'}"
            yield f"entry {number} is now: {line(comes) if comes else 'none'}"
            return


def _compared(entry: Entry) -> dict[str, Any]:
    known = {name: getattr(entry, name) for name in COMPARED}
    return {**known, "data": dict(entry.data)}


def _other_commands(history: History, sent: Mapping[UUID, Body]) -> Iterator[str]:
    steps = {entry.message: entry.step for entry in history.entries if entry.kind in SENT}
    for message, body in history.sent.items():
        if message not in sent:
            continue  # the entries differ already
        was, comes = _told(body), _told(sent[message])
        if was != comes:
            yield f"the command of {steps.get(message, '')!r} was {was}; it is now {comes}"


def _told(body: Body) -> tuple[str, dict[str, Any]]:
    return body.TYPE, dict(body.to_data())


def _entry_data(entry: Entry, sent: Mapping[UUID, Body]) -> dict[str, Any]:
    known = {
        "kind": entry.kind,
        "at": entry.at.isoformat(),
        "step": entry.step,
        "attempt": entry.attempt,
        "message": str(entry.message) if entry.message else "",
        "data": dict(entry.data),
        "reason": entry.reason,
        "actor": entry.actor,
        "wake_at": entry.wake_at.isoformat() if entry.wake_at else "",
    }
    if entry.kind in SENT and entry.message is not None and entry.message in sent:
        message_type, data = _told(sent[entry.message])
        known["sent"] = {"type": message_type, "data": data}
    return {name: value for name, value in known.items() if value}


def _entry(data: Mapping[str, Any]) -> Entry:
    known = {name: value for name, value in data.items() if name != "sent"}
    for name in ("at", "wake_at"):
        if name in known:
            known[name] = datetime.fromisoformat(known[name])
    if "message" in known:
        known["message"] = UUID(known["message"])
    return Entry(**known)
