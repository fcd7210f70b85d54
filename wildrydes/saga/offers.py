"""What a person could do to a saga now: exactly what would not be refused. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import get_args

from wildrydes.saga.deciding import decide
from wildrydes.saga.definition import Definition
from wildrydes.saga.happenings import Action, Ordered
from wildrydes.saga.state import State

OF_STEPS: tuple[Action, ...] = ("skip", "supply")


@dataclass(frozen=True)
class Offer:
    """An action that is possible, and for which steps, where it is one of a step."""

    action: Action
    steps: tuple[str, ...] = ()


def offered(definition: Definition | None, state: State, now: datetime) -> list[Offer]:
    """Return what is possible, in the order in which people should think of it."""
    if definition is None:
        return []
    found = []
    for action in get_args(Action):
        if action in OF_STEPS:
            steps = tuple(
                name
                for name in definition.by_name
                if not _refused(definition, state, action, now, step=name)
            )
            found += [Offer(action, steps)] if steps else []
        elif not _refused(definition, state, action, now):
            found.append(Offer(action))
    return found


def _refused(
    definition: Definition, state: State, action: Action, now: datetime, *, step: str = ""
) -> str:
    order = Ordered(action=action, by="nobody", reason="asked only", step=step)
    return decide(definition, state, order, now).refused
