"""Test kit: a saga's test reads as a dialogue between the saga and its participants.

    (
        given(COLLECT, {"amount": "12.00"})
        .expect("authorise", data={"amount": "12.00"}).reply(answered({"payment": "p1"}))
        .expect("capture").refuse("the card has expired")
        .expect_compensation("authorise").reply()
        .ends("compensated", because="the card has expired")
    )

Guarantee: what is run is the code that decides in production, without database, wire or clock; a
command that the test does not expect fails it, and every failure shows the dialogue so far.
Does not guarantee: that participants behave as the test says they do.
Source: Eventuate Tram's saga tests, which read as dialogues too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn, Self
from uuid import UUID

from wildrydes.answering.answer import Answer, answered, declined, failed
from wildrydes.saga.deciding import Decision, decide
from wildrydes.saga.definition import Definition
from wildrydes.saga.happenings import Action, Happening, Ordered, Started, Told, Woken
from wildrydes.saga.progress import UNDO, Command
from wildrydes.saga.recorded import History, line
from wildrydes.saga.state import Entry, State, Status

SAGA = UUID(int=1)
BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)
DONE = answered({})


def given(definition: Definition, input: Mapping[str, Any], *, key: str = "key") -> Dialogue:
    """Start a saga of this definition; return the dialogue with it."""
    return Dialogue(definition, State(saga=SAGA, key=key, input=input))


class Dialogue:
    """What is said between a saga and its participants, in order.

    `state`, `entries` and `events` are there for what no method asks about.
    """

    def __init__(self, definition: Definition, state: State) -> None:
        self.definition = definition
        self.state = state
        self.now = BEGINNING
        self.entries: list[Entry] = []
        self.events: list[Any] = []
        self._sent: dict[UUID, Command] = {}
        self._unexpected: list[Command] = []
        self._asked: dict[str, Command] = {}
        self._latest = ""
        self._told: Told | None = None
        self._ids: Iterator[UUID] = map(UUID, map(_id_text, range(1, 100_000)))
        self._let(Started())

    def expect(
        self, step: str, *, data: Mapping[str, Any] | None = None, attempt: int | None = None
    ) -> Self:
        """Expect the command of a step, with this data and on this attempt where given.

        A command that waits to be tried again is waited for.
        """
        return self._expect(step, "the command", f"{SAGA}/{step}", data, attempt)

    def expect_compensation(
        self, step: str, *, data: Mapping[str, Any] | None = None, attempt: int | None = None
    ) -> Self:
        """Expect the command that undoes a step."""
        return self._expect(step, "the compensation", f"{SAGA}/{step}/{UNDO}", data, attempt)

    def reply(self, answer: Answer = DONE, *, to: str = "") -> Self:
        """Answer what was expected last, or the expected command of the step `to`."""
        asked = self._asked.pop(to or self._latest, None)
        if asked is None:
            self._fail(
                f"nothing was asked of {to or self._latest or 'anybody'} that is not answered"
            )
        self._told = Told(asked.step, asked.message, answer)
        self._let(self._told)
        return self

    def refuse(self, reason: str, *, to: str = "") -> Self:
        """Refuse what was asked, for a reason of the business; it is not tried again."""
        return self.reply(declined(reason), to=to)

    def fail(self, reason: str, *, to: str = "") -> Self:
        """Fail at what was asked; the saga may try again."""
        return self.reply(failed(reason), to=to)

    def reply_again(self) -> Self:
        """Say the last answer once more; a saga that lets it change anything fails the test."""
        if self._told is None:
            self._fail("nothing was answered yet")
        before = (self.state.status, dict(self.state.steps), self.state.is_turned)
        self._let(self._told)
        if (self.state.status, dict(self.state.steps), self.state.is_turned) != before:
            self._fail(f"the second answer of {self._told.step} changed something")
        return self

    def time_out(self) -> Self:
        """Let the time pass after which the saga waits no longer for what was expected last."""
        step = self.state.steps.get(self._latest)
        if step is None or step.wake_at is None:
            self._fail(f"nobody waits for {self._latest or 'anybody'}")
        self._asked.pop(self._latest, None)
        return self.after(max(timedelta(0), step.wake_at - self.now))

    def after(self, passed: timedelta) -> Self:
        """Let so much time pass, and wake the saga if its time has come."""
        self.now += passed
        if self.state.wake_at is not None and self.state.wake_at <= self.now:
            self._let(Woken())
        return self

    def operate(
        self,
        action: Action,
        *,
        step: str = "",
        result: Mapping[str, Any] | None = None,
        reason: str = "because",
    ) -> Self:
        """Let an operator act; the test fails if the saga refuses it."""
        if refused := self._let(_order(action, step, result, reason)).refused:
            self._fail(f"the operator's {action} was refused: {refused}")
        return self

    def refuses(
        self, action: Action, *, step: str = "", reason: str = "because", because: str
    ) -> Self:
        """Expect that an operator is refused, with these words in the text, and nothing changes."""
        decided = self._let(_order(action, step, None, reason))
        if because not in decided.refused:
            told = f"refused: {decided.refused}" if decided.refused else "allowed"
            self._fail(f"expected that {action} is refused because {because!r}; it was {told}")
        return self

    def is_stuck(self, step: str, *, because: str = "") -> Self:
        """Expect that the saga waits for a person, at this step and with these words."""
        self._expect_status("stuck", because, self.state.stuck_because)
        if self.state.stuck_step != step:
            self._fail(f"expected it to be stuck at {step!r}, not at {self.state.stuck_step!r}")
        return self

    def tells(self, message_type: str, *, data: Mapping[str, Any] | None = None) -> Self:
        """Expect that it has published such an event when it got stuck."""
        found = [(body.TYPE, dict(body.to_data())) for body in self.events]
        if not any(name == message_type and data in (None, told) for name, told in found):
            self._fail(f"expected it to publish {message_type} {data or ''}; published: {found}")
        return self

    def ends(self, status: Status, *, because: str = "") -> Self:
        """Expect that the saga is over, with these words in the reason why it turned round."""
        self._expect_status(status, because, self.state.reason)
        if not self.state.is_ended:
            self._fail(f"it has not ended: it is {self.state.status}")
        return self

    def history(self) -> History:
        """Return what was said as a recorded history, to be kept and replayed."""
        return History.of(
            name=self.definition.name,
            version=self.definition.version,
            state=self.state,
            entries=self.entries,
            sent={message: command.body for message, command in self._sent.items()},
        )

    def _let(self, happening: Happening) -> Decision:
        decided = decide(
            self.definition, self.state, happening, self.now, new_id=lambda: next(self._ids)
        )
        self.state = decided.state
        self.entries += decided.entries
        self.events += decided.events
        self._sent |= {command.message: command for command in decided.commands}
        self._unexpected += decided.commands
        return decided

    def _expect(
        self,
        step: str,
        what: str,
        subject: str,
        data: Mapping[str, Any] | None,
        attempt: int | None,
    ) -> Self:
        wanted = [command for command in self._unexpected if command.subject == subject]
        if not wanted:
            self._fail(f"expected {what} of {step!r}; the saga has sent {self._outstanding()}")
        command = wanted[0]
        self._unexpected.remove(command)
        self._compare(command, what, data, attempt)
        self._asked[step], self._latest = command, step
        if command.not_before is not None and command.not_before > self.now:
            self.now = command.not_before
        return self

    def _compare(
        self, command: Command, what: str, data: Mapping[str, Any] | None, attempt: int | None
    ) -> None:
        sent = dict(command.body.to_data())
        if data is not None and sent != dict(data):
            self._fail(f"expected {what} of {command.step!r} with {dict(data)}; it has {sent}")
        made = next(entry.attempt for entry in self.entries if entry.message == command.message)
        if attempt not in (None, made):
            self._fail(f"expected attempt {attempt} of {command.step!r}; it is attempt {made}")

    def _expect_status(self, status: str, because: str, reason: str) -> None:
        if self._unexpected:
            self._fail(f"expected it to be {status}; it has sent {self._outstanding()}")
        if self.state.status != status:
            self._fail(f"expected it to be {status}; it is {self.state.status}")
        if because not in reason:
            self._fail(f"expected {because!r} as the reason; it is {reason!r}")

    def _outstanding(self) -> str:
        sent = [
            f"{'the compensation' if item.subject.endswith(f'/{UNDO}') else 'the command'} "
            f"of {item.step!r} ({item.body.TYPE})"
            for item in self._unexpected
        ]
        return " and ".join(sent) or "nothing more"

    def _fail(self, text: str) -> NoReturn:
        so_far = "\n".join(f"  {line(entry)}" for entry in self.entries)
        raise AssertionError(f"{text}\n\nThe history of {self.definition.name} so far:\n{so_far}")


def _order(action: Action, step: str, result: Mapping[str, Any] | None, reason: str) -> Ordered:
    return Ordered(
        action=action, by="operator", reason=reason, step=step, result=dict(result or {})
    )


def _id_text(number: int) -> str:
    return f"{number:032x}"
