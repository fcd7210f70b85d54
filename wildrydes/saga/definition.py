"""A saga reads as its own table of contents: named steps, with what each asks for and undoes.

Guarantee: what is defined can be carried out and undone; everything else is refused when the
definition is made known, with the names of saga and step.
Does not guarantee: that a participant is there for each command; the start-up checks do.
Source: Garcia-Molina and Salem, Sagas; Richardson, Saga (pivot); Hohpe and Woolf, Process Manager.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum
from functools import cached_property
from typing import Any
from uuid import UUID

from wildrydes.errors import ConfigurationError
from wildrydes.outgoing import Body
from wildrydes.retry import RetryPolicy

LONGEST_NAME = 100


class Refusal(Enum):
    """What a refusal means after the pivot: the saga gets stuck, or turns round all the same."""

    FORWARD = "forward"
    BACK = "back"


FORWARD = Refusal.FORWARD
BACK = Refusal.BACK


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What a definition's functions are told. `results` are those of the steps that succeeded.

    `failed_step` and `reason` say why the saga turned round, or where it is stuck.
    """

    saga: UUID
    key: str
    input: Mapping[str, Any]
    results: Mapping[str, Mapping[str, Any]]
    failed_step: str = ""
    reason: str = ""


Command = Callable[[Facts], Body]
Compensation = Callable[[Facts], Body | None]
Predicate = Callable[[Facts], bool]


@dataclass(frozen=True)
class Step:
    """One step: the command of its participant, and the command that undoes it.

    A `compensation` that returns None says that there is nothing to undo; a step without one gives
    the reason in `needs_no_compensation`. `timeout` is how long one attempt may take; then its
    command expires. What failed is tried again by `retry`, a refusal never is. `when` says whether
    the step is wanted at all. After the `pivot` the saga goes forward only, but for the refusal of
    a step that says `BACK`.
    """

    name: str
    command: Command
    compensation: Compensation | None = None
    needs_no_compensation: str = ""
    retry: RetryPolicy = field(default_factory=lambda: RetryPolicy(max_attempts=3))
    timeout: timedelta = timedelta(minutes=5)
    when: Predicate | None = None
    pivot: bool = False
    refusal: Refusal = FORWARD


class Parallel(tuple[Step, ...]):
    """Steps that are asked for at once; the saga goes on when all are over."""

    __slots__ = ()

    def __new__(cls, *steps: Step) -> Parallel:
        """Return a group of these steps."""
        return super().__new__(cls, steps)


@dataclass(frozen=True, kw_only=True)
class Definition:
    """A saga: its steps in order, and the orchestrator, a subscription, which takes the answers.

    `timeout` is how long the whole may take before it turns round. `stuck` makes the event that is
    published when a saga needs a person; its facts name the step and the reason.
    """

    name: str
    orchestrator: str
    steps: tuple[Step | Parallel, ...]
    version: int = 1
    timeout: timedelta | None = None
    stuck: Compensation | None = None

    @cached_property
    def stages(self) -> tuple[tuple[Step, ...], ...]:
        """Return the steps in order, each with those that are asked for at the same time."""
        return tuple((item,) if isinstance(item, Step) else tuple(item) for item in self.steps)

    @cached_property
    def by_name(self) -> Mapping[str, Step]:
        """Return every step by its name, in order."""
        return {step.name: step for stage in self.stages for step in stage}

    @cached_property
    def pivot(self) -> str:
        """Return the name of the pivot; "" if there is none."""
        return next((step.name for step in self.by_name.values() if step.pivot), "")


_definitions: dict[tuple[str, int], Definition] = {}


def define(new: Definition) -> Definition:
    """Make a definition known; return it. Several versions of one name may be.

    Raises `ConfigurationError`, naming saga and step, for one that could not be carried out.
    """
    for text in _faults(new):
        raise ConfigurationError(f"saga {new.name!r}: {text}")
    if (new.name, new.version) in _definitions:
        raise ConfigurationError(f"saga {new.name!r}: version {new.version} is defined twice")
    _definitions[new.name, new.version] = new
    return new


def defined(name: str, version: int | None = None) -> Definition:
    """Return a definition, the highest version unless one is given.

    Raises `ConfigurationError` when it is unknown here.
    """
    if version is None:
        versions = [number for known, number in _definitions if known == name]
        version = max(versions, default=0)
    found = _definitions.get((name, version))
    if found is None:
        raise ConfigurationError(f"no version {version or ''} of a saga {name!r} is defined here")
    return found


def find(name: str, version: int) -> Definition | None:
    """Return a definition, none when it is unknown here."""
    return _definitions.get((name, version))


def definitions() -> tuple[Definition, ...]:
    """Return every definition of the installed services."""
    return tuple(_definitions.values())


def _faults(new: Definition) -> Iterator[str]:
    names = [step.name for stage in new.stages for step in stage]
    if not names or not all(new.stages):
        yield "it has no steps, or an empty group"
    if not new.name or new.version < 1:
        yield "it needs a name, and a version from 1"
    if new.timeout is not None and new.timeout <= timedelta(0):
        yield "its timeout must be above zero"
    for name in names:
        if names.count(name) > 1:
            yield f"two steps are called {name!r}"
    pivots = [step.name for stage in new.stages for step in stage if step.pivot]
    if len(pivots) > 1:
        yield f"it has more than one pivot: {', '.join(pivots)}"
    for stage in new.stages:
        if len(stage) > 1 and any(step.pivot for step in stage):
            yield f"the pivot {pivots[0]!r} must stand alone, not in a parallel group"
        for step in stage:
            yield from (f"step {step.name!r} {text}" for text in _step_faults(step))


def _step_faults(step: Step) -> Iterator[str]:
    if not step.name or "/" in step.name or len(step.name) > LONGEST_NAME:
        yield f"needs a name without a slash, of at most {LONGEST_NAME} characters"
    if step.compensation is None and not step.needs_no_compensation:
        yield "has neither a compensation nor a reason why it needs none"
    if step.compensation is not None and step.needs_no_compensation:
        yield "has a compensation, and a reason why it needs none"
    if step.timeout <= timedelta(0):
        yield "needs a timeout above zero"
    if step.retry.max_attempts < 1:
        yield "needs one attempt or more"
