"""What the benchmark makes of sagas."""

from __future__ import annotations

from uuid import UUID

import pytest

from bench.rows import ROWS
from bench.rows.sagas import MODULES
from bench.sagas import endings, offering
from bench.sagas.endings import Ending
from bench.sides import CHAINS


def test_the_rate_is_from_the_first_start_to_the_last_end() -> None:
    found = [Ending("one", 10.0, 10.5), Ending("two", 10.2, 12.0)]
    assert endings.rate(found) == pytest.approx(1.0)
    assert found[1].took == pytest.approx(1.8)


def test_sagas_are_started_many_in_one_go() -> None:
    started: list[int] = []

    offering.offer(
        start=lambda keys: started.append(len(set(keys))),
        has_ended=lambda _: False,
        sagas=250,
        one_at_a_time=False,
    )

    assert started == [100, 100, 50]


def test_one_at_a_time_waits_for_each_end() -> None:
    seen: list[tuple[str, UUID]] = []

    def has_ended(key: UUID) -> bool:
        seen.append(("end", key))
        return True

    offering.offer(
        start=lambda keys: seen.extend(("start", key) for key in keys),
        has_ended=has_ended,
        sagas=2,
        one_at_a_time=True,
    )

    assert [what for what, _ in seen] == ["start", "end", "start", "end"]


def test_every_peer_of_sagas_can_be_started() -> None:
    assert {side.name for side in CHAINS} == set(MODULES)
    assert {"sagas", "saga-latency", "saga-stored"} <= set(ROWS)
