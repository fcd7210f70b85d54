"""The demonstration in one command: `manage.py demo`, from outside."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from apps.unicorn_management.messages import FLEETS
from config.embedded import clean, layout

from . import test_up as up

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def state_dir(tmp_path: Path) -> Iterator[Path]:
    directory = tmp_path / "state"
    yield directory
    clean.clean(layout.Layout.at(directory))


def test_it_starts_the_platform_and_shows_every_ride_and_an_instant_one(state_dir: Path) -> None:
    shown = up.demo(state_dir)

    assert shown.returncode == 0, shown.stdout + shown.stderr
    assert shown.stdout.count("│ Berlin – Frankfurt, fare ") == 2
    quotes = re.findall(
        rf"^ *{up.MILLISECONDS}  ([a-z-]+) +[\d,]+\.\d\d$", shown.stdout, re.MULTILINE
    )
    assert len(quotes) == len(set(quotes)) >= 3
    assert re.search(rf"{up.MILLISECONDS}  closed with {len(quotes)} quotes\n", shown.stdout)
    silent = re.findall(r"(?:declined|did not answer|came late): (.*)$", shown.stdout, re.MULTILINE)
    assert {*quotes, *", ".join(silent).split(", ")} == set(FLEETS)
    assert re.search(r"The ride is completed: requested .* booked .* started .*", shown.stdout)
    assert re.search(r"│ Frankfurt – Las Vegas,[^│]*│( +\d+ │){7}", shown.stdout)
    for customer, ended in (
        ("cmr", "collected"),
        ("cmr-declined", "failed +│ authorise"),
        ("cmr-capture", "failed +│ capture"),
        ("cmr-closed", "failed +│ credit"),
        ("cmr-refund", "failed +│ credit"),
    ):
        assert re.search(rf"│ {customer} +│ {ended} +│", shown.stdout), customer
    assert "cmr-refund    is charged, and cannot be refunded at once: stuck" in shown.stdout
    assert "the provider's ledger agrees with ours" in shown.stdout
    assert re.search(r"confirmed .* 100/150", shown.stdout)
    assert re.search(r"rejected .* 50/150", shown.stdout)
    assert "the campaign was filled and not oversold" in shown.stdout
    assert "Wild Rydes has stopped." in shown.stdout
