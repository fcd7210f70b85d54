"""A saga that could not be carried out on this topology is refused at start-up."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import pytest

from tests.integration.wildrydes.saga.conftest import ORCHESTRATOR, Sales, small_topology
from wildrydes import checks, saga, scatter_gather, topology
from wildrydes.outgoing import Body
from wildrydes.saga import Definition, Facts, Step


@dataclass(frozen=True)
class Book:
    TYPE: ClassVar[str] = "v1.book.do"

    def to_data(self) -> dict[str, Any]:
        return {}


@dataclass(frozen=True)
class Nothing(Book):
    TYPE: ClassVar[str] = "v1.nothing.do"


def book(facts: Facts) -> Book:
    return Book()


def nothing(facts: Facts) -> Nothing | None:
    return None


def some(facts: Facts) -> Body:
    return Book()


def found() -> dict[str, str]:
    return {
        str(item.id).removeprefix("wildrydes."): item.msg
        for item in checks.check_topology(None)
        if "E05" in str(item.id) or "E06" in str(item.id)
    }


def define(orchestrator: str = ORCHESTRATOR, **step: Any) -> None:
    given = {"command": book, "compensation": some, **step}
    saga.define(
        Definition(name="other", orchestrator=orchestrator, steps=(Step("first", **given),))
    )


def test_a_saga_that_fits_its_topology_is_taken(sales: Sales) -> None:
    define()
    assert found() == {}


@pytest.mark.parametrize("orchestrator", ["nobody.advance", "book.do"])
def test_an_orchestrator_that_takes_no_answers_is_refused(sales: Sales, orchestrator: str) -> None:
    define(orchestrator)
    assert "'other'" in found()["E060"]


def test_a_command_that_nobody_takes_is_refused(sales: Sales) -> None:
    define(compensation=nothing)
    assert found().keys() == {"E061"}
    assert "step 'first'" in found()["E061"]


def test_a_command_that_is_answered_elsewhere_is_refused(sales: Sales) -> None:
    define()
    current = small_topology()
    changed = [
        replace(item, answers_to="", responder="") if item.name == "book.do" else item
        for item in current.subscriptions
    ]
    sales.kernel.use(replace(current, subscriptions=tuple(changed)))
    assert "E061" in found()


def test_an_orchestrator_cannot_be_bound_as_a_gathering(
    sales: Sales, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks.subscriptions, "_bindings", {})
    monkeypatch.setattr(scatter_gather.aggregates, "_gatherings", {})
    scatter_gather.gathers(ORCHESTRATOR)(lambda scatter, responses: Book())
    assert "E053" in found()


def test_one_that_is_answered_by_events_and_by_commands_is_refused(sales: Sales) -> None:
    current = topology.current()
    changed = [
        replace(item, command="", topics=("news",)) if item.name == "book.do" else item
        for item in current.subscriptions
    ]
    sales.kernel.use(replace(current, subscriptions=tuple(changed)))
    assert "E059" in found()
