"""Definitions for the tests of the pure core, and a saga that is decided step by step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID

from wildrydes.answering.answer import Answer, answered, declined, failed
from wildrydes.outgoing import Body, Plain
from wildrydes.retry import RetryPolicy
from wildrydes.saga.deciding import Decision, decide
from wildrydes.saga.definition import Definition, Facts, Parallel, Step
from wildrydes.saga.happenings import Action, Happening, Ordered, Started, Told, Woken
from wildrydes.saga.progress import Command
from wildrydes.saga.state import Entry, State, replay

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SAGA = UUID(int=7)


def command(facts: Facts) -> Body:
    return Plain("v1.test.do", {"key": facts.key, "reason": facts.reason})


def step(name: str, *, undo: bool = True, attempts: int = 1, **options: Any) -> Step:
    """Return a step that is undone by the same command, unless it needs no undoing."""
    ways = {"compensation": command} if undo else {"needs_no_compensation": "it leaves nothing"}
    given: dict[str, Any] = {
        "retry": RetryPolicy(max_attempts=attempts, first=timedelta(seconds=1)),
        "timeout": MINUTE,
        **ways,
        **options,
    }
    return Step(name, given.pop("command", command), **given)


def of(*steps: Step | Parallel, **options: Any) -> Definition:
    return Definition(name="test", orchestrator="test.advance", steps=steps, **options)


@dataclass
class Run:
    """One saga on its way. `open` has the message of each command that was not answered."""

    definition: Definition
    input: Mapping[str, Any] = field(default_factory=dict)
    now: datetime = NOON
    history: list[Entry] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)
    commands: list[Command] = field(default_factory=list)
    events: list[Body] = field(default_factory=list)
    refused: str = ""
    _ids: Iterator[int] = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        self.first = self.state = State(saga=SAGA, key="k", input=self.input)
        self.take(Started())

    def take(self, happening: Happening) -> Decision:
        """Let something happen, and check that the history tells the whole story.

        No command expires before it may go out, or at another moment than its hop.
        """
        decision = decide(
            self.definition,
            self.state,
            happening,
            self.now,
            new_id=lambda: UUID(int=next(self._ids)),
        )
        self.history += decision.entries
        self.commands += decision.commands
        self.sent += [item.subject.partition("/")[2] for item in decision.commands]
        self.events += decision.events
        self.state, self.refused = decision.state, decision.refused
        replayed = replay(self.first, self.history)
        assert without_alarm(replayed) == without_alarm(self.state)
        ends = {item.message: item.wake_at for item in decision.entries if item.wake_at}
        for item in decision.commands:
            assert item.expires_at == ends[item.message]
            assert item.expires_at > (item.not_before or self.now)
        return decision

    def tell(self, name: str, answer: Answer, *, message: UUID | None = None) -> Decision:
        """Let the participant of a step answer the last command that it got."""
        if message is None:
            message = [item for item in self.commands if item.step == name][-1].message
        return self.take(Told(name, message, answer))

    def succeed(self, *names: str) -> None:
        for name in names:
            self.tell(name, answered({"of": name}))

    def refuse(self, name: str, reason: str = "no") -> None:
        self.tell(name, declined(reason))

    def fail(self, name: str, reason: str = "broken") -> None:
        self.tell(name, failed(reason))

    def wait(self, time: timedelta) -> None:
        """Let time pass, and wake the saga."""
        self.now += time
        self.take(Woken())

    def order(self, action: Action, *, step: str = "", **result: Any) -> str:
        """Let a person do something; return why it was refused."""
        self.take(Ordered(action=action, by="ann", reason="because", step=step, result=result))
        return self.refused

    @property
    def status(self) -> str:
        return self.state.status

    @property
    def steps(self) -> dict[str, str]:
        return {name: step.status for name, step in self.state.steps.items()}

    @property
    def kinds(self) -> list[str]:
        return [f"{item.kind} {item.step}".strip() for item in self.history]


def without_alarm(state: State) -> dict[str, Any]:
    """Return the state without the moment at which it is looked at next."""
    return {**vars(state), "wake_at": None}
