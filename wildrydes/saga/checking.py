"""What only the topology can tell of a definition: that its commands are taken and answered."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, get_args, get_type_hints

from wildrydes import subscriptions
from wildrydes.errors import ConfigurationError
from wildrydes.saga.definition import Definition, definitions
from wildrydes.topology import Topology


def wrong_orchestrators(current: Topology) -> Iterator[str]:
    """Yield what is wrong with the subscriptions to which participants are to answer."""
    bound = {item.subscription for item in subscriptions.bindings() if item.role == "advances"}
    for each in definitions():
        try:
            entry = current.subscription(each.orchestrator)
        except ConfigurationError:
            yield f"The saga {each.name!r} names the unknown subscription {each.orchestrator!r}."
            continue
        if not entry.replies:
            yield f"The saga {each.name!r} names {each.orchestrator!r}, which takes no replies."
        elif each.orchestrator not in bound:
            yield f"The saga {each.name!r} names {each.orchestrator!r}, which advances no sagas."


def wrong_commands(current: Topology) -> Iterator[str]:
    """Yield commands that nobody takes, or whose answers would go to somebody else.

    The type of a command is known as far as its function says what it returns.
    """
    for each in definitions():
        for step in each.by_name.values():
            for function in (step.command, step.compensation):
                for type_ in _types(function):
                    text = _fault(current, each, type_)
                    if text:
                        yield f"The saga {each.name!r}, step {step.name!r}: {text}"


def _fault(current: Topology, each: Definition, type_: str) -> str:
    if not current.is_command(type_):
        return f"nobody takes the command {type_!r}."
    takers = [entry for entry in current.subscriptions if entry.command == type_]
    if any(entry.answers_to != each.orchestrator for entry in takers):
        return f"who takes {type_!r} does not answer to {each.orchestrator!r}."
    return ""


def _types(function: Callable[..., Any] | None) -> list[str]:
    """Return the message types of the classes that a function says it returns."""
    if function is None:
        return []
    try:
        returned = get_type_hints(function).get("return")
    except (NameError, TypeError):
        return []
    classes = get_args(returned) or (returned,)
    types = [vars(item).get("TYPE") for item in classes if isinstance(item, type)]
    return [type_ for type_ in types if isinstance(type_, str)]
