"""Load shedding: the less important is refused first; the door opens later than it closed."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from wildrydes.front_door import admission
from wildrydes.front_door.admission import EARLY, LAST, REFUSED, REFUSES, Admission

RIDES, OTHERS = "/api/v1/ride-completions", "/api/v1/instant-ride-rfqs"


@dataclass
class Door:
    """An admission whose pressure the test sets."""

    pressure: float = 0.0

    def __post_init__(self) -> None:
        self.admission = Admission(
            guarded=(RIDES, OTHERS), refused_last=(RIDES,), measure=lambda: self.pressure
        )

    def under(self, pressure: float) -> tuple[bool, bool]:
        """Say whether a ride, and anything else, comes in at this pressure."""
        self.pressure = pressure
        self.admission.look()
        return self.admission.admits("POST", RIDES), self.admission.admits("POST", OTHERS)


def test_completed_rides_are_refused_last() -> None:
    door = Door()
    assert door.under(0.4) == (True, True)
    assert door.under(0.5) == (True, False)
    assert door.under(1.0) == (False, False)


def test_the_door_opens_again_well_below_where_it_closed() -> None:
    door = Door()
    assert door.under(1.0) == (False, False)
    assert door.under(0.9) == (False, False)
    assert door.under(0.7) == (True, False)
    assert door.under(0.45) == (True, False)
    assert door.under(0.3) == (True, True)


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", RIDES), ("HEAD", RIDES), ("OPTIONS", OTHERS), ("POST", "/api/v1/auth/token")],
)
def test_whoever_only_asks_or_logs_in_always_comes_in(method: str, path: str) -> None:
    door = Door()
    door.under(5.0)
    assert door.admission.admits(method, path)


def test_when_what_matters_less_is_refused_is_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "stages", lambda: {EARLY: 0.2, LAST: 1.0})
    door = Door()
    assert door.under(0.19) == (True, True)
    assert door.under(0.2) == (True, False)
    assert door.under(0.17) == (True, False)
    assert door.under(0.15) == (True, True)


def test_the_settings_say_it_in_per_cent() -> None:
    assert admission.stages() == {EARLY: 0.5, LAST: 1.0}


def test_what_each_stage_refuses_is_counted_and_shown() -> None:
    def figures() -> tuple[float, float, float, float]:
        refused = (REFUSED.labels(stage)._value.get() for stage in (EARLY, LAST))
        refuses = (REFUSES.labels(stage)._value.get() for stage in (EARLY, LAST))
        return (*refused, *refuses)

    door = Door()
    early, last, *_ = figures()
    door.under(0.6)
    assert figures() == (early + 1, last, 1, 0)
    door.under(1.0)
    assert figures() == (early + 2, last + 1, 1, 1)
    door.under(0.0)
    assert figures() == (early + 2, last + 1, 0, 0)
