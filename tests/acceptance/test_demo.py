"""The demonstration in one command: `manage.py demo`, from outside."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from apps.unicorn_management.messages import FLEETS
from config.embedded import clean, layout

from . import test_up as up

pytestmark = pytest.mark.timeout(300)

MILLISECONDS = r"[\d,]+ ms"


@pytest.fixture
def state_dir(tmp_path: Path) -> Iterator[Path]:
    directory = tmp_path / "state"
    yield directory
    clean.clean(layout.Layout.at(directory))


def demo(state_dir: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", "demo"],
        cwd=up.PROJECT_ROOT,
        env=up.environment(state_dir, port=up.free_port(), flower_port=up.free_port()),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )


def test_it_starts_the_platform_and_shows_every_ride_and_an_instant_one(state_dir: Path) -> None:
    shown = demo(state_dir)

    assert shown.returncode == 0, shown.stdout + shown.stderr
    assert shown.stdout.count("│ Berlin – Frankfurt, fare ") == 2
    quotes = re.findall(rf"^ *{MILLISECONDS}  ([a-z-]+) +[\d,]+\.\d\d$", shown.stdout, re.MULTILINE)
    assert len(quotes) == len(set(quotes)) >= 3
    assert re.search(rf"{MILLISECONDS}  closed with {len(quotes)} quotes\n", shown.stdout)
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


def test_it_fails_and_says_why_when_nobody_wants_to_carry_the_customer(state_dir: Path) -> None:
    with up.platform(state_dir) as running:
        token = json.loads(up.seed(running).stdout)["staff"][0]["token"]
        headers = {"Authorization": f"Token {token}"}
        with httpx.Client(base_url=running.url, headers=headers, trust_env=False) as operator:
            for fleet in FLEETS:
                answer = operator.patch(f"/api/v1/fleets/{fleet}", json={"is_active": False})
                assert answer.status_code == 200, answer.text

        shown = demo(state_dir)

    assert shown.returncode == 1
    assert re.search(rf"{MILLISECONDS}  closed with 0 quotes\n", shown.stdout)
    assert "nobody quoted" in shown.stderr
