"""An audit is of a moment at which nothing goes on, and says so where there is none."""

from __future__ import annotations

from typing import Any

import pytest

from tests.faults import running
from tests.faults.audit import Ledger

SCENE: Any = None


class Told(Ledger):
    """A ledger that shows what it is told to show."""

    def __init__(self, positions: list[int], opened: list[dict[str, int]] | None = None) -> None:
        self._positions, self._opened = positions, opened or []

    def position(self) -> int:
        return self._positions.pop(0) if len(self._positions) > 1 else self._positions[0]

    def open(self) -> dict[str, int]:
        return self._opened.pop(0) if self._opened else {}


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "wait_for_quiet", lambda ledger, scene: {})


def looks(ledger: Ledger) -> tuple[int, dict[str, int]]:
    """Return how often was looked, and what was still open."""
    found: list[None] = []
    _, still_open = running.at_rest(ledger, SCENE, lambda: found.append(None))
    return len(found), still_open


def test_what_stands_still_is_looked_at_once() -> None:
    assert looks(Told([7])) == (1, {})


def test_what_has_begun_during_a_look_makes_it_worth_nothing() -> None:
    assert looks(Told([7, 8, 9])) == (2, {})


def test_what_has_begun_before_a_look_is_waited_for() -> None:
    ledger = Told([7], opened=[{"unrouted": 6}])
    ahead, still_open = running.at_rest(ledger, SCENE, lambda: list(ledger._opened))
    assert (ahead, still_open) == ([], {})


def test_what_never_stands_still_is_said_to_be_open() -> None:
    times, still_open = looks(Told(list(range(100))))
    assert times == running.LOOKS + 1
    assert still_open


def test_what_is_never_quiet_is_looked_at_once_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "wait_for_quiet", lambda ledger, scene: {"sagas": 1})
    assert looks(Told([7, 8], opened=[{"sagas": 1}])) == (1, {"sagas": 1})
