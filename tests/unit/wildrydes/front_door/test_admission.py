"""Load shedding: the less important is refused first; the door opens later than it closed."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from wildrydes.front_door.admission import Admission

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
